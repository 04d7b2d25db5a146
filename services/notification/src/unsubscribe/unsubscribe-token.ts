import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";

/** Secret key of the tokens: whoever has it can switch off the digests of any account, and no more. */
export type UnsubscribeKey = Uint8Array & { readonly __key: "unsubscribe" };

const ID_BYTES = 16;
const MAC_BYTES = 32;
/** Of a token, in base64url without padding: the account's id, and a MAC over it. */
export const TOKEN_PATTERN = /^[A-Za-z0-9_-]{64}$/;

/**
 * The key, from the private half of the key of sealed links (RFC 5869): one secret less to keep. Links in mails that were
 * sent before that key was changed unsubscribe nobody any more.
 */
export function unsubscribeKeyOf({ d }: { readonly d: string }): UnsubscribeKey {
  const derived = hkdfSync("sha256", Buffer.from(d, "base64url"), "", "sotto unsubscribe digest", MAC_BYTES);
  return new Uint8Array(derived) as UnsubscribeKey;
}

/** The same for the same account, and good for ever: an old mail must still unsubscribe (RFC 8058 section 3.1). */
export function unsubscribeToken(key: UnsubscribeKey, accountId: string): string {
  const id = Buffer.from(accountId.replaceAll("-", ""), "hex");
  return Buffer.concat([id, macOf(key, id)]).toString("base64url");
}

/** The account of a token; undefined when the token was not made here. */
export function accountOfToken(key: UnsubscribeKey, token: string): string | undefined {
  if (!TOKEN_PATTERN.test(token)) return undefined;
  const bytes = Buffer.from(token, "base64url");
  const id = bytes.subarray(0, ID_BYTES);
  if (!timingSafeEqual(bytes.subarray(ID_BYTES), macOf(key, id))) return undefined;
  const hex = id.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

function macOf(key: UnsubscribeKey, id: Uint8Array): Buffer {
  return createHmac("sha256", key).update(id).digest();
}
