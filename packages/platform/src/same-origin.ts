import { AppError } from "./app-error.ts";

/** What browsers say of where a request comes from, by lower-case header name. No page can set either of them. */
export type OriginHeaders = {
  readonly origin?: string | undefined;
  readonly "sec-fetch-site"?: string | undefined;
};

/**
 * Refuses what another site made a browser do with the cookies of ours. A client that sends neither header is no
 * browser, and must use a bearer token. `publicOrigin`: an origin as in RFC 6454.
 * @throws AppError `forbidden`.
 */
export function requireSameOrigin(headers: OriginHeaders, publicOrigin: string): void {
  if (headers["sec-fetch-site"] === "same-origin") return;
  if (headers.origin === publicOrigin) return;
  throw new AppError("forbidden", "Cookies are accepted from this installation's own pages only.");
}
