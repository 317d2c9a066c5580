-- Only names change. No row is rewritten.
ALTER TABLE "counters" RENAME TO "rate_limits";
ALTER TABLE "rate_limits" RENAME COLUMN "spent" TO "count";
ALTER TABLE "rate_limits" RENAME COLUMN "ends_at" TO "resets_at";
ALTER TABLE "rate_limits" RENAME CONSTRAINT "counters_pkey" TO "rate_limits_pkey";
ALTER INDEX "counters_ends_at_idx" RENAME TO "rate_limits_resets_at_idx";

ALTER TABLE "country_traffic" RENAME COLUMN "texts" TO "messages";
ALTER TABLE "country_traffic" RENAME COLUMN "ends_at" TO "resets_at";
ALTER TABLE "country_traffic" RENAME COLUMN "stopped_until" TO "paused_until";

ALTER TABLE "challenges" RENAME COLUMN "subject" TO "details";

ALTER TABLE "sessions" RENAME COLUMN "idle_ends_at" TO "idle_expires_at";
ALTER TABLE "sessions" RENAME COLUMN "ends_at" TO "expires_at";
ALTER INDEX "sessions_idle_ends_at_idx" RENAME TO "sessions_idle_expires_at_idx";
