import type { PrivacySettings } from "@sotto/contracts/people-api";
import { assertLiving } from "../accounts/assert-living.ts";
import type { ChatContext } from "../context.ts";
import { effectivePrivacy } from "./effective-privacy.ts";
import { getPrivacy } from "./get-privacy.ts";
import { upsertPrivacy } from "./privacy-queries.ts";

type PrivacyChange = { [Setting in keyof PrivacySettings]?: PrivacySettings[Setting] | null | undefined };

/**
 * Changes the settings that are given and answers all of them.
 * @throws AppError `session_revoked` when the account has been deleted.
 */
export async function updatePrivacy(
  context: Pick<ChatContext, "db" | "clock" | "config" | "news">,
  caller: { accountId: string },
  { whoMayWriteFirst = null, presence = null, receipts = null }: PrivacyChange,
): Promise<PrivacySettings> {
  const { accountId } = caller;
  const change = { whoMayWriteFirst, presence, receipts };
  if (Object.values(change).every((setting) => setting === null)) return getPrivacy(context, caller);
  const stored = await context.db.transaction().execute(async (tx) => {
    await assertLiving(tx, accountId);
    return upsertPrivacy(tx, accountId, change, context.clock.now());
  });
  context.news.tell([accountId]);
  return effectivePrivacy(stored, context.config);
}
