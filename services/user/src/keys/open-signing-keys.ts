import type { UserContext } from "../context.ts";
import type { KeyTimes } from "./key-schedule.ts";
import { type SigningKey, toSigningKey } from "./signing-key.ts";
import type { StoredSigningKey } from "./signing-key-queries.ts";

export type SigningKeyRow = KeyTimes & { readonly kid: string; readonly key: SigningKey | undefined };

/**
 * Opens the keys that this service's own secret has sealed; `key` is undefined for others. What a key is, its public half
 * included, comes from what is sealed alone: a row that somebody wrote into the database signs and verifies nothing.
 */
export function openSigningKeys(
  { sealer }: Pick<UserContext, "sealer">,
  rows: readonly StoredSigningKey[],
): SigningKeyRow[] {
  return rows.map(({ kid, sealed, signsFrom, retiresAt }) => {
    const seed = sealer.open("signing-key", sealed, kid);
    return { kid, signsFrom, retiresAt, key: seed && toSigningKey(seed) };
  });
}
