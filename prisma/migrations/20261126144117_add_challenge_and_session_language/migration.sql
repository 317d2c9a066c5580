-- AlterTable
ALTER TABLE "challenges" ADD COLUMN     "language" TEXT;

-- AlterTable
ALTER TABLE "sessions" ADD COLUMN     "language" TEXT;
