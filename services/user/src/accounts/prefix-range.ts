/** The names that start with a prefix are those from `from` up to, but without, `before`. */
export type PrefixRange = { readonly from: string; readonly before: string };

/** Range of a non-empty ASCII prefix in the byte order of the column; nothing in it is a pattern. */
export function prefixRange(prefix: string): PrefixRange {
  const last = prefix.charCodeAt(prefix.length - 1);
  return { from: prefix, before: prefix.slice(0, -1) + String.fromCharCode(last + 1) };
}
