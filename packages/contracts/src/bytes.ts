import { z } from "zod";

/** Length in characters of the padded base64 form of `bytes` bytes (RFC 4648 section 4). */
export function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

/** Bytes that a padded base64 text decodes to; the text must be valid base64. */
export function decodedLength(base64: string): number {
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  return (base64.length / 4) * 3 - padding;
}

/** What the alphabet's check amounts to; told to readers of the schema. */
const PATTERN = "^[A-Za-z0-9+/]*={0,2}$";

/** Base64 with padding (RFC 4648 section 4) of `min` to `max` bytes. The length is checked before the alphabet. */
export function base64Bytes(min: number, max: number = min) {
  return z
    .string()
    .max(base64Length(max), { message: `at most ${max} bytes`, abort: true })
    .min(base64Length(min), `at least ${min} bytes`)
    .refine((text) => isBase64(text) && isWithin(decodedLength(text), min, max), {
      message: min === max ? `must be base64 of ${min} bytes` : `must be base64 of ${min} to ${max} bytes`,
    })
    .meta({ pattern: PATTERN });
}

/**
 * The platform's decoder is ten times as fast as an expression over the alphabet. It forgives spaces and missing padding,
 * but then the length gives them away.
 */
function isBase64(text: string): boolean {
  try {
    return text.length % 4 === 0 && atob(text).length === decodedLength(text);
  } catch {
    return false;
  }
}

function isWithin(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}
