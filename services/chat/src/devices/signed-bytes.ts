const encoder = new TextEncoder();

/** `context 00 data`: what a key signs, so that a signature made for one purpose is worth nothing for another. */
function inContext(context: string, ...data: readonly Uint8Array[]): Uint8Array {
  return concat(encoder.encode(context), Uint8Array.of(0), ...data);
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

function bigEndian(value: number, bytes: 4 | 8): Uint8Array {
  const view = new DataView(new ArrayBuffer(bytes));
  view.setUint32(bytes - 4, value);
  return new Uint8Array(view.buffer);
}

/** What the account key signs for a device list. */
export function deviceListToSign(bytes: Uint8Array): Uint8Array {
  return inContext("sotto/device-list/1", bytes);
}

/** What the identity key of a device signs for an ML-KEM key, one-time or last-resort. */
export function kemPrekeyToSign(keyId: number, publicKey: Uint8Array): Uint8Array {
  return inContext("sotto/kem-prekey/1", bigEndian(keyId, 4), publicKey);
}

/** What the identity key of a device signs to act in a session. */
export function deviceSessionToSign(deviceId: string, sessionId: string): Uint8Array {
  return inContext("sotto/device-session/1", encoder.encode(`${deviceId}\n${sessionId}`));
}

/** The bytes whose SHA-256 a device and the server compare: identity key, signed prekey, last-resort key. */
export function keyDigestInput(keys: {
  identityKey: Uint8Array;
  signedKeyId: number;
  signedKey: Uint8Array;
  lastResortKeyId: number;
  lastResortKey: Uint8Array;
}): Uint8Array {
  return concat(
    keys.identityKey,
    bigEndian(keys.signedKeyId, 8),
    keys.signedKey,
    bigEndian(keys.lastResortKeyId, 8),
    keys.lastResortKey,
  );
}
