import { PreKeyWhisperMessage, WhisperMessage } from "@privacyresearch/libsignal-protocol-protobuf-ts";
import { isRegistrationId } from "./device-list.ts";
import { isKeyId } from "./envelope.ts";
import { E2eeError } from "./errors.ts";
import { isPublicKey } from "./identity.ts";

/** Both nibbles of the version byte: the message's version and the newest its sender speaks. */
const SIGNAL_VERSION = 0x33;
const MAC_LENGTH = 8;

/** A PreKeyWhisperMessage, checked; key ids in range, keys 33 bytes. */
export type InitialMessage = {
  registrationId: number;
  /** Undefined when the bundle held none. */
  oneTimePrekeyId: number | undefined;
  signedPrekeyId: number;
  baseKey: Uint8Array;
  identityKey: Uint8Array;
  /** The ordinary Signal message inside. */
  message: Uint8Array;
};

function parse<T>(bytes: Uint8Array, decode: (bytes: Uint8Array) => T): T {
  if (bytes[0] !== SIGNAL_VERSION) throw new E2eeError("bad_envelope", "unknown Signal message version");
  try {
    return decode(bytes.slice(1));
  } catch (cause) {
    throw new E2eeError("bad_envelope", "the Signal message does not parse", { cause });
  }
}

/** A copy of a protobuf field; an absent field, which the generated types deny, becomes empty. */
function field(bytes: Uint8Array | undefined): Uint8Array {
  return Uint8Array.from(bytes ?? []);
}

/** Throws `bad_envelope` unless every field is present and in range. */
export function readInitialMessage(bytes: Uint8Array): InitialMessage {
  const decoded = parse(bytes, (body) => PreKeyWhisperMessage.decode(body));
  const { registrationId, preKeyId, signedPreKeyId } = decoded;
  const message = {
    registrationId,
    oneTimePrekeyId: preKeyId === 0 ? undefined : preKeyId,
    signedPrekeyId: signedPreKeyId,
    baseKey: field(decoded.baseKey),
    identityKey: field(decoded.identityKey),
    message: field(decoded.message),
  };
  const hasIds =
    isRegistrationId(registrationId) && isKeyId(signedPreKeyId) && (preKeyId === 0 || isKeyId(preKeyId));
  if (!hasIds || !isPublicKey(message.baseKey) || !isPublicKey(message.identityKey)) {
    throw new E2eeError("bad_envelope", "a field of the first message is missing or out of range");
  }
  return message;
}

/** The sender's ratchet key of an ordinary Signal message; throws `bad_envelope` unless it is well formed. */
export function readRatchetKey(bytes: Uint8Array): Uint8Array {
  const { ephemeralKey, ciphertext } = parse(bytes.slice(0, -MAC_LENGTH), (body) =>
    WhisperMessage.decode(body),
  );
  const ratchetKey = field(ephemeralKey);
  if (!isPublicKey(ratchetKey) || field(ciphertext).length === 0) {
    throw new E2eeError("bad_envelope", "a field of the Signal message is missing");
  }
  return ratchetKey;
}
