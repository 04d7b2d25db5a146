import type { MiddlewareHandler } from "hono";
import { secureHeaders } from "hono/secure-headers";
import type { Edge } from "./edge.ts";

/** Of answers that are for programs: should a browser show one all the same, it runs and loads nothing. */
const API_POLICY = "default-src 'none'; frame-ancestors 'none'";
/** A year; without sub-domains, which may belong to others. */
const HSTS = "max-age=31536000";

/** On answers that never were a request of the app, too. */
export const RAW_GUARDS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy": API_POLICY,
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
} as const;

/**
 * Headers that guard browsers (OWASP REST Security Cheat Sheet), on every answer. Nothing may be stored but where a
 * route says so itself; a page brings its own policy.
 */
export function guardAnswers({ isHttps }: Pick<Edge, "isHttps">): MiddlewareHandler {
  const secure = secureHeaders({
    xFrameOptions: "DENY",
    xDownloadOptions: false,
    xDnsPrefetchControl: false,
    strictTransportSecurity: isHttps && HSTS,
    overwrite: false,
  });
  return (c, next) =>
    secure(c, async () => {
      await next();
      for (const name of ["Cache-Control", "Content-Security-Policy"] as const) {
        if (!c.res.headers.has(name)) c.res.headers.set(name, RAW_GUARDS[name]);
      }
    });
}
