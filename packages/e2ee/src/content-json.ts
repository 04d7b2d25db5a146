import { fromUtf8, utf8 } from "./bytes.ts";
import { E2eeError } from "./errors.ts";

/** Names that change an object's prototype, or look as if they did, when a reader copies members around. */
const FORBIDDEN_NAMES = new Set(["__proto__", "constructor", "prototype"]);
const MAX_DEPTH = 32;

function bad(message: string, cause?: unknown): E2eeError {
  return new E2eeError("bad_content", message, { cause });
}

function checkValue(value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > MAX_DEPTH) throw bad("nested too deeply");
  for (const [name, member] of Object.entries(value)) {
    if (FORBIDDEN_NAMES.has(name)) throw bad("a member has a forbidden name");
    checkValue(member, depth + 1);
  }
}

function requireObject(value: unknown): object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw bad("not an object");
  checkValue(value, 1);
  return value;
}

/** Throws `bad_content` for what `decodeContentJson` would refuse. */
export function encodeContentJson(content: object): Uint8Array {
  const bytes = utf8(JSON.stringify(content) ?? "");
  decodeContentJson(bytes);
  return bytes;
}

/** One JSON object in UTF-8, at most 32 levels deep, without prototype names; throws `bad_content`. */
export function decodeContentJson(bytes: Uint8Array): object {
  let parsed: unknown;
  try {
    parsed = JSON.parse(fromUtf8(bytes));
  } catch (cause) {
    throw bad("not UTF-8 JSON", cause);
  }
  return requireObject(parsed);
}
