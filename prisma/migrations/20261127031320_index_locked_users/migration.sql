-- CreateIndex
CREATE INDEX "users_code_locked_until_idx" ON "users"("code_locked_until");
