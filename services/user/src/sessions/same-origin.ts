import { AppError } from "@sotto/platform/app-error";
import type { Context } from "hono";

/**
 * Refuses what another site made a browser do with the cookies of ours. Browsers set both headers themselves, on every
 * unsafe request; a client that sends neither is no browser, and must use a bearer token.
 * @throws AppError `forbidden`.
 */
export function requireSameOrigin(c: Context, publicOrigin: string): void {
  if (c.req.header("Sec-Fetch-Site") === "same-origin") return;
  if (c.req.header("Origin") === publicOrigin) return;
  throw new AppError("forbidden", "Cookies are accepted from this installation's own pages only.");
}
