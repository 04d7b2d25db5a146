import type { Audience, PrivacySettings } from "@sotto/contracts/people-api";
import type { StoredPrivacy } from "./privacy-queries.ts";

/** The settings that hold for an account: what it has said, and the defaults where it has said nothing. */
export function effectivePrivacy(
  stored: StoredPrivacy | undefined,
  defaults: { readonly DEFAULT_WHO_MAY_WRITE_FIRST: Audience },
): PrivacySettings {
  return {
    whoMayWriteFirst: stored?.whoMayWriteFirst ?? defaults.DEFAULT_WHO_MAY_WRITE_FIRST,
    presence: stored?.presence ?? "everyone",
    receipts: stored?.receipts ?? "everyone",
  };
}
