/** pino's numbers for levels. */
const WARN = 40;
const ERROR = 50;

/** What of a part's output the person at the terminal should see: warnings, errors, and whatever is no JSON. */
export function noteworthy(line: string): string | undefined {
  if (line.trim() === "") return undefined;
  if (!line.startsWith("{")) return line;
  let entry: { level?: unknown; msg?: unknown; err?: { message?: unknown } };
  try {
    entry = JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return line;
    throw error;
  }
  if (typeof entry.level !== "number" || entry.level < WARN) return undefined;
  const cause = entry.err?.message === undefined ? "" : `: ${entry.err.message}`;
  return `${entry.level >= ERROR ? "error" : "warning"}: ${entry.msg ?? ""}${cause}`;
}
