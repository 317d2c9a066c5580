-- AlterTable
ALTER TABLE "challenges" ADD COLUMN     "delivery" TEXT NOT NULL DEFAULT 'unknown',
ADD COLUMN     "delivery_reason" TEXT,
ADD COLUMN     "message_id" TEXT,
ADD COLUMN     "phone_key" TEXT;

-- CreateIndex
CREATE UNIQUE INDEX "challenges_message_id_key" ON "challenges"("message_id");
