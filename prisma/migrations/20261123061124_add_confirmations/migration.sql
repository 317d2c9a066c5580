-- AlterTable
ALTER TABLE "challenges" ADD COLUMN     "subject" JSONB;
