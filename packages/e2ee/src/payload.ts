import { requireUuid, uuidFromBytes, uuidToBytes } from "./address.ts";
import { concat } from "./bytes.ts";
import { E2eeError } from "./errors.ts";

const VERSION = 1;
const LENGTH = 1 + 32 + 32 + 16;

/** What an envelope tells its device: the key of the content, which content, and for which message. */
export type EnvelopePayload = {
  readonly contentKey: Uint8Array;
  /** SHA-256 of the sealed content. */
  readonly contentHash: Uint8Array;
  /** Lower-case UUID. */
  readonly messageId: string;
};

export function encodePayload({ contentKey, contentHash, messageId }: EnvelopePayload): Uint8Array {
  requireUuid(messageId, "messageId");
  if (contentKey.length !== 32 || contentHash.length !== 32) {
    throw new E2eeError("bad_input", "contentKey and contentHash are 32 bytes each");
  }
  return concat(Uint8Array.of(VERSION), contentKey, contentHash, uuidToBytes(messageId));
}

/** Throws `bad_envelope` unless the bytes are exactly one payload. */
export function decodePayload(bytes: Uint8Array): EnvelopePayload {
  if (bytes.length !== LENGTH || bytes[0] !== VERSION) {
    throw new E2eeError("bad_envelope", "the payload has an unknown form");
  }
  return {
    contentKey: bytes.slice(1, 33),
    contentHash: bytes.slice(33, 65),
    messageId: uuidFromBytes(bytes.slice(65)),
  };
}
