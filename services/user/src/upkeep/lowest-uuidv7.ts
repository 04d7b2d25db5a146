/** The smallest UUIDv7 (RFC 9562 section 5.7) of this millisecond: what was made earlier has a smaller one. */
export function lowestUuidv7(time: Date): string {
  const hex = Math.max(0, time.getTime()).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}
