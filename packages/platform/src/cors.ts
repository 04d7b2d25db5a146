import { DEVICE_HEADER } from "@sotto/contracts/message-api";
import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { z } from "zod";

const LOCAL_HOSTS: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Whether `text` is an origin (RFC 6454) as a browser writes it, of https or of this machine. */
function isExactOrigin(text: string): boolean {
  const url = URL.parse(text);
  // A host may hold an asterisk, which would be no pattern here.
  if (!url || url.origin !== text || text.includes("*")) return false;
  return url.protocol === "https:" || (url.protocol === "http:" && LOCAL_HOSTS.has(url.hostname));
}

/** A list of origins, separated by commas. No pattern, and not "null", which every sandboxed page has. */
export const corsOrigins = z
  .string()
  .default("")
  .transform((text) =>
    text
      .split(",")
      .map((part) => part.trim())
      .filter(Boolean),
  )
  .refine((origins) => origins.every(isExactOrigin), {
    message: "must be exact origins like https://app.example.org, separated by commas",
  });

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
/** A request header that is not here, a browser does not send across origins. */
const REQUEST_HEADERS = ["Authorization", "Content-Type", "X-Request-Id", DEVICE_HEADER];
const EXPOSED_HEADERS = ["Retry-After", "X-Request-Id"];
/** Seconds that a browser may remember the answer to a preflight. */
const MAX_AGE = 600;

/**
 * Lets pages of these origins call with a bearer token (CORS, Fetch Standard section 3.2). Cookies are never theirs: no
 * credentials are allowed, and what comes by cookie must come from our own origin. Other origins are told nothing.
 */
export function allowOrigins(origins: readonly string[]): MiddlewareHandler {
  const allowed: ReadonlySet<string> = new Set(origins);
  const allow = cors({
    origin: (origin) => origin,
    allowMethods: METHODS,
    allowHeaders: REQUEST_HEADERS,
    exposeHeaders: EXPOSED_HEADERS,
    maxAge: MAX_AGE,
  });
  return async (c, next) => {
    // The answer to others differs too: a shared cache must not mix them up.
    if (allowed.has(c.req.header("Origin") ?? "")) return allow(c, next);
    await next();
    if (allowed.size > 0) c.header("Vary", "Origin", { append: true });
  };
}
