const SHOWN_BYTES = 24;

/** Rows as lines: ids, sizes, and the first bytes of what is encrypted. */
export function describeRows(rows: readonly Record<string, unknown>[]): string[] {
  return rows.flatMap((row) => [
    `  message  ${row.message_id}  accepted ${(row.accepted_at as Date).toISOString()}`,
    `    content  ${String(row.content_bytes).padStart(5)} bytes  ${firstBytes(row.content)}`,
    `    envelope ${String(row.envelope_bytes).padStart(5)} bytes  ${firstBytes(row.envelope)}`,
  ]);
}

function firstBytes(value: unknown): string {
  return `${(value as Buffer).subarray(0, SHOWN_BYTES).toString("hex").replace(/(..)/g, "$1 ")}…`;
}
