import { concat, readU32, u32 } from "./bytes.ts";
import { E2eeError } from "./errors.ts";
import { KEM_CIPHERTEXT_LENGTH } from "./kem.ts";

/** Byte format in docs/e2ee.md, "Envelope". */
const VERSION = 1;
const KIND_INITIAL = 1;
const KIND_ORDINARY = 2;
export const KEY_LENGTH = 33;
export const NONCE_LENGTH = 24;
const TAG_LENGTH = 16;
const INITIAL_START = 2 + KEY_LENGTH + 4 + KEM_CIPHERTEXT_LENGTH;
/** A Signal message that carries a payload is below 300 bytes; the rest is room for later payload versions. */
const MAX_SEALED_LENGTH = 2048;

/** What travels in clear until the first reply: the Signal base key and how the KEM secret was made. */
export type Initiation = { baseKey: Uint8Array; kemKeyId: number; kemCiphertext: Uint8Array };

export type Envelope = { initiation?: Initiation; nonce: Uint8Array; sealed: Uint8Array };

/** Everything before the sealed part; it is the associated data of the AEAD. */
export function envelopeHeader(
  initiation: Initiation | undefined,
  nonce: Uint8Array,
  sealedLength: number,
): Uint8Array {
  const start =
    initiation === undefined
      ? Uint8Array.of(VERSION, KIND_ORDINARY)
      : concat(
          Uint8Array.of(VERSION, KIND_INITIAL),
          initiation.baseKey,
          u32(initiation.kemKeyId),
          initiation.kemCiphertext,
        );
  return concat(start, nonce, u32(sealedLength));
}

export function encodeEnvelope({ initiation, nonce, sealed }: Envelope): Uint8Array {
  return concat(envelopeHeader(initiation, nonce, sealed.length), sealed);
}

function headerStart(bytes: Uint8Array): number {
  if (bytes[0] !== VERSION) throw new E2eeError("bad_envelope", "unknown version");
  if (bytes[1] === KIND_INITIAL) return INITIAL_START;
  if (bytes[1] === KIND_ORDINARY) return 2;
  throw new E2eeError("bad_envelope", "unknown kind");
}

function readInitiation(bytes: Uint8Array): Initiation {
  const baseKey = bytes.slice(2, 2 + KEY_LENGTH);
  const kemKeyId = readU32(bytes, 2 + KEY_LENGTH);
  if (baseKey[0] !== 5) throw new E2eeError("bad_envelope", "the base key has an unknown type");
  if (!isKeyId(kemKeyId)) throw new E2eeError("bad_envelope", "the KEM key id is out of range");
  return { baseKey, kemKeyId, kemCiphertext: bytes.slice(2 + KEY_LENGTH + 4, INITIAL_START) };
}

/** Throws `bad_envelope` unless the bytes are exactly one envelope. */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  const nonceStart = headerStart(bytes);
  const sealedStart = nonceStart + NONCE_LENGTH + 4;
  if (bytes.length < sealedStart + TAG_LENGTH) throw new E2eeError("bad_envelope", "too short");
  const sealedLength = readU32(bytes, nonceStart + NONCE_LENGTH);
  if (sealedLength > MAX_SEALED_LENGTH || bytes.length !== sealedStart + sealedLength) {
    throw new E2eeError("bad_envelope", "the length does not fit");
  }
  const nonce = bytes.slice(nonceStart, nonceStart + NONCE_LENGTH);
  const sealed = bytes.slice(sealedStart);
  return nonceStart === 2 ? { nonce, sealed } : { initiation: readInitiation(bytes), nonce, sealed };
}

/** Key ids are 1 to 2^31 - 1: the Signal library takes 0 for "none". */
export function isKeyId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 0x7fffffff;
}
