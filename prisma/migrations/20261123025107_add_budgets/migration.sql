-- AlterTable
ALTER TABLE "users" ADD COLUMN     "code_failures" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "code_locked_until" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "counters" (
    "key" TEXT NOT NULL,
    "spent" INTEGER NOT NULL,
    "ends_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "counters_pkey" PRIMARY KEY ("key")
);

-- CreateTable
CREATE TABLE "country_traffic" (
    "country" TEXT NOT NULL,
    "texts" INTEGER NOT NULL,
    "verified" INTEGER NOT NULL,
    "ends_at" TIMESTAMPTZ(3) NOT NULL,
    "stopped_until" TIMESTAMPTZ(3),

    CONSTRAINT "country_traffic_pkey" PRIMARY KEY ("country")
);

-- CreateIndex
CREATE INDEX "counters_ends_at_idx" ON "counters"("ends_at");
