import { E2eeError } from "./errors.ts";

/**
 * Sizes that padded content can have, in bytes: powers of two from 256, and a last one that fills the
 * server's limit of 96 KiB. The size of a message then tells its order of magnitude and no more.
 */
const LARGEST_BUCKET = 98_231;
const MARKER = 0x80;

function bucketFor(length: number): number {
  let bucket = 256;
  while (bucket < length) bucket *= 2;
  return Math.min(bucket, LARGEST_BUCKET);
}

/** Appends 80, then zeros up to the bucket; throws `content_too_large`. */
export function pad(bytes: Uint8Array): Uint8Array {
  const length = bytes.length + 1;
  if (length > LARGEST_BUCKET) throw new E2eeError("content_too_large", `${bytes.length} bytes of content`);
  const padded = new Uint8Array(bucketFor(length));
  padded.set(bytes);
  padded[bytes.length] = MARKER;
  return padded;
}

/** Throws `bad_content` unless the bytes are what `pad` makes. */
export function unpad(padded: Uint8Array): Uint8Array {
  const end = padded.findLastIndex((byte) => byte !== 0);
  if (end < 0 || padded[end] !== MARKER || padded.length !== bucketFor(end + 1)) {
    throw new E2eeError("bad_content", "the padding is malformed");
  }
  return padded.slice(0, end);
}
