-- AlterTable
ALTER TABLE "challenges" ADD COLUMN     "provider_message_id" TEXT;
