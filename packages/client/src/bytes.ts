/** Base64 with padding (RFC 4648 section 4), the form of all bytes on the wire. */
export function toBase64(bytes: Uint8Array): string {
  let binary = "";
  // In slices: a spread of 96 KiB would overflow the stack of some engines.
  for (let at = 0; at < bytes.length; at += 8192) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(binary);
}

/** The text must be valid base64: schemas have checked it. */
export function fromBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

export function toUtf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Throws on bytes that are not UTF-8. */
export function fromUtf8(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}
