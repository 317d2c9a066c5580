-- AlterTable
ALTER TABLE "users" ADD COLUMN     "confirmation_failures" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "confirmations_locked_until" TIMESTAMPTZ(3);
