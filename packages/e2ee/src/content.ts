import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { requireUuid } from "./address.ts";
import { concat, equalBytes, randomBytes, utf8 } from "./bytes.ts";
import { decodeContentJson, encodeContentJson } from "./content-json.ts";
import { E2eeError } from "./errors.ts";
import { pad, unpad } from "./padding.ts";

/** Byte format in docs/e2ee.md, "Content". */
const VERSION = 1;
const CONTEXT = "sotto/content/1";
const COMMITMENT_LENGTH = 32;
const NONCE_LENGTH = 24;
const SEALED_START = 1 + COMMITMENT_LENGTH + NONCE_LENGTH;
const TAG_LENGTH = 16;

/** Where a content belongs; it opens nowhere else. Lower-case UUIDs. */
export type ContentPlace = { messageId: string; conversationId: string; senderDeviceId: string };

export type SealedContent = { contentKey: Uint8Array; content: Uint8Array; contentHash: Uint8Array };

function associatedData({ messageId, conversationId, senderDeviceId }: ContentPlace): Uint8Array {
  requireUuid(messageId, "messageId");
  requireUuid(conversationId, "conversationId");
  requireUuid(senderDeviceId, "senderDeviceId");
  return utf8(`${VERSION}|${messageId}|${conversationId}|${senderDeviceId}`);
}

/**
 * The AEAD alone does not commit to its key: one ciphertext can be made that opens to different texts under
 * different keys, which would show members of a group different messages. The commitment rules that out.
 */
function deriveKeys(contentKey: Uint8Array): { key: Uint8Array; commitment: Uint8Array } {
  const derived = hkdf(sha256, contentKey, new Uint8Array(32), utf8(CONTEXT), 64);
  return { key: derived.slice(0, 32), commitment: derived.slice(32) };
}

/**
 * Encrypts a content object under a fresh key. `random` returns random bytes of a length, for tests with
 * fixed vectors. Throws `content_too_large` or `bad_content`.
 */
export async function sealContent(
  input: ContentPlace & { content: object; random?: (length: number) => Uint8Array },
): Promise<SealedContent> {
  const random = input.random ?? randomBytes;
  const contentKey = random(32);
  const nonce = random(NONCE_LENGTH);
  const { key, commitment } = deriveKeys(contentKey);
  const padded = pad(encodeContentJson(input.content));
  const sealed = xchacha20poly1305(key, nonce, associatedData(input)).encrypt(padded);
  const content = concat(Uint8Array.of(VERSION), commitment, nonce, sealed);
  return { contentKey, content, contentHash: sha256(content) };
}

function openSealed(content: Uint8Array, contentKey: Uint8Array, aad: Uint8Array): Uint8Array {
  const { key, commitment } = deriveKeys(contentKey);
  if (!equalBytes(content.slice(1, 1 + COMMITMENT_LENGTH), commitment)) {
    throw new E2eeError("bad_content", "the content is under another key");
  }
  const nonce = content.slice(1 + COMMITMENT_LENGTH, SEALED_START);
  try {
    return xchacha20poly1305(key, nonce, aad).decrypt(content.slice(SEALED_START));
  } catch (cause) {
    throw new E2eeError("bad_content", "the content does not open", { cause });
  }
}

/** Checks the hash, then opens; throws `bad_content` for everything that is not exactly what was sealed there. */
export async function openContent(
  input: ContentPlace & { content: Uint8Array; contentKey: Uint8Array; contentHash: Uint8Array },
): Promise<object> {
  const { content, contentKey, contentHash } = input;
  if (!equalBytes(sha256(content), contentHash)) {
    throw new E2eeError("bad_content", "the content is not the one that was sent");
  }
  if (content[0] !== VERSION || content.length < SEALED_START + TAG_LENGTH || contentKey.length !== 32) {
    throw new E2eeError("bad_content", "the content has an unknown form");
  }
  return decodeContentJson(unpad(openSealed(content, contentKey, associatedData(input))));
}
