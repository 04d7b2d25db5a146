import type { PrivacySettings } from "@sotto/contracts/people-api";
import type { ChatContext } from "../context.ts";
import { effectivePrivacy } from "./effective-privacy.ts";
import { findPrivacy } from "./privacy-queries.ts";

/** What the caller lets others do. */
export async function getPrivacy(
  context: Pick<ChatContext, "db" | "config">,
  caller: { accountId: string },
): Promise<PrivacySettings> {
  return effectivePrivacy(await findPrivacy(context.db, caller.accountId), context.config);
}
