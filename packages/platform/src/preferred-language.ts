import { language } from "@sotto/contracts/user-api";
import { parseAccept } from "hono/utils/accept";

/** The language that a header `Accept-Language` (RFC 9110 section 12.5.4) likes best; null when it names none. */
export function preferredLanguage(header: string | undefined): string | null {
  // In the order of their weights, as the parser sorts them.
  const tags = parseAccept(header ?? "").map(({ type }) => language.safeParse(type).data);
  return tags.find((tag) => tag !== undefined) ?? null;
}
