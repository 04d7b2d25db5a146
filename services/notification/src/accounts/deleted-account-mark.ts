import { createHash } from "node:crypto";

/**
 * What is remembered of an account that is gone, as a UUIDv8 (RFC 9562 section 5.8): it is recognised when it is met
 * again, and tells of nobody by itself.
 */
export function deletedAccountMark(accountId: string): string {
  const hash = createHash("sha256").update(`sotto deleted account ${accountId}`).digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x80;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    "-",
  );
}
