import { fromBase64, fromUtf8, toBase64, utf8 } from "./bytes.ts";

/**
 * Rows of our own in the device's store: JSON in which bytes are `{"$": base64}`. Rows are written by this
 * package only; nothing from the network is parsed here.
 */
type Stored = string | number | boolean | null | undefined | Uint8Array | { readonly [key: string]: Stored };

export function encodeRow(row: { readonly [key: string]: Stored }): Uint8Array {
  return utf8(
    JSON.stringify(row, (_key, value) => (value instanceof Uint8Array ? { $: toBase64(value) } : value)),
  );
}

export function decodeRow<T>(bytes: Uint8Array): T {
  return JSON.parse(fromUtf8(bytes), (_key, value) => {
    const packed: unknown = value?.$;
    return typeof packed === "string" ? (fromBase64(packed) ?? new Uint8Array(0)) : value;
  }) as T;
}
