import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concat, equalBytes, randomBytes, u32, utf8 } from "./bytes.ts";
import { type Envelope, encodeEnvelope, envelopeHeader, type Initiation, NONCE_LENGTH } from "./envelope.ts";

const CONTEXT = utf8("sotto/pq-session/1");
const TAG_LENGTH = 16;

/** The two keys of a session's outer layer, one per direction, so that an envelope cannot be reflected. */
export type LayerKeys = { fromInitiator: Uint8Array; fromResponder: Uint8Array };

/** Who started the session and with which keys; identity and base keys are 33 bytes, the KEM key 1184. */
export type LayerBinding = {
  initiatorIdentity: Uint8Array;
  responderIdentity: Uint8Array;
  kemPublicKey: Uint8Array;
  initiation: Initiation;
};

/** Derives the outer layer's keys from the ML-KEM secret, bound to everything that names the session. */
export function deriveLayerKeys(secret: Uint8Array, binding: LayerBinding): LayerKeys {
  const { initiation } = binding;
  const info = concat(
    CONTEXT,
    Uint8Array.of(0),
    binding.initiatorIdentity,
    binding.responderIdentity,
    initiation.baseKey,
    u32(initiation.kemKeyId),
    sha256(binding.kemPublicKey),
    sha256(initiation.kemCiphertext),
  );
  const keys = hkdf(sha256, secret, new Uint8Array(32), info, 64);
  return { fromInitiator: keys.slice(0, 32), fromResponder: keys.slice(32) };
}

/** Seals a Signal message; the whole header is authenticated. The nonce is random, 24 bytes. */
export function sealLayer(
  key: Uint8Array,
  message: Uint8Array,
  initiation: Initiation | undefined,
): Uint8Array {
  const nonce = randomBytes(NONCE_LENGTH);
  const header = envelopeHeader(initiation, nonce, message.length + TAG_LENGTH);
  const sealed = xchacha20poly1305(key, nonce, header).encrypt(message);
  const envelope = { nonce, sealed };
  return encodeEnvelope(initiation === undefined ? envelope : { ...envelope, initiation });
}

/** The Signal message inside, or undefined when this is not its key. */
export function openLayer(key: Uint8Array, envelope: Envelope): Uint8Array | undefined {
  const header = envelopeHeader(envelope.initiation, envelope.nonce, envelope.sealed.length);
  try {
    return xchacha20poly1305(key, envelope.nonce, header).decrypt(envelope.sealed);
  } catch {
    return undefined;
  }
}

/** Identifies how a session's KEM secret was made, so that later copies of the initiation can be matched. */
export function initiationHash(initiation: Initiation): Uint8Array {
  return sha256(concat(u32(initiation.kemKeyId), initiation.kemCiphertext));
}

export function isSameInitiation(hash: Uint8Array, initiation: Initiation): boolean {
  return equalBytes(hash, initiationHash(initiation));
}
