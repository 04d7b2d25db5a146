import { type SealedLink, sealedLink } from "@sotto/contracts/events";
import { CompactEncrypt, compactDecrypt, errors, importJWK, type JWK } from "jose";

const KEY_ALGORITHM = "ECDH-ES";
const CONTENT_ALGORITHM = "A256GCM";

/**
 * Encrypts a link to the holder of the private half of `key`, an X25519 JWK with a `kid`: compact JWE (RFC 7516,
 * RFC 8037 section 3.2), with a new ephemeral key each time.
 */
export async function sealLink(key: JWK & { kid: string }, link: SealedLink): Promise<string> {
  const plaintext = new TextEncoder().encode(JSON.stringify(link));
  return new CompactEncrypt(plaintext)
    .setProtectedHeader({ alg: KEY_ALGORITHM, enc: CONTENT_ALGORITHM, kid: key.kid })
    .encrypt(await importJWK(key, KEY_ALGORITHM));
}

/** Undefined when `sealed` was not sealed to `key` (a private X25519 JWK) in just this way, or was changed since. */
export async function openLink(key: JWK, sealed: string): Promise<SealedLink | undefined> {
  const privateKey = await importJWK(key, KEY_ALGORITHM);
  try {
    const { plaintext } = await compactDecrypt(sealed, privateKey, {
      keyManagementAlgorithms: [KEY_ALGORITHM],
      contentEncryptionAlgorithms: [CONTENT_ALGORITHM],
    });
    const content = sealedLink.safeParse(JSON.parse(new TextDecoder().decode(plaintext)));
    return content.data;
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
