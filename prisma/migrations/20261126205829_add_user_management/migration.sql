-- AlterTable
ALTER TABLE "challenges" ADD COLUMN     "new_phone" TEXT;

-- AlterTable
ALTER TABLE "users" ADD COLUMN     "claims" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "last_login_at" TIMESTAMPTZ(3),
ADD COLUMN     "password_kind" TEXT NOT NULL DEFAULT 'argon2id',
ADD COLUMN     "phone_change_failures" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "phone_changed_at" TIMESTAMPTZ(3),
ADD COLUMN     "phone_changes_locked_until" TIMESTAMPTZ(3);

-- CreateIndex
CREATE INDEX "users_phone_idx" ON "users"("phone");

-- CreateIndex
CREATE INDEX "users_password_kind_idx" ON "users"("password_kind");

-- Prefixes and pages of usernames use the unique index only in byte order. Prisma's schema has no
-- collations, so this statement is not generated.
ALTER TABLE "users" ALTER COLUMN "username_key" TYPE TEXT COLLATE "C";
