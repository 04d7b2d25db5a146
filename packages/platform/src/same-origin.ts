import { AppError } from "./app-error.ts";

/** What browsers say of where a request comes from, by lower-case header name. No page can set either of them. */
export type OriginHeaders = {
  readonly origin?: string | undefined;
  readonly "sec-fetch-site"?: string | undefined;
};

/**
 * Refuses what another site made a browser do with the cookies of ours. Whatever of the two headers is there must speak
 * for our own pages (Fetch Metadata; RFC 6454 section 7), and one must be: a client that sends neither is no browser,
 * and must use a bearer token. `publicOrigin`: an origin as in RFC 6454.
 * @throws AppError `forbidden`.
 */
export function requireSameOrigin(headers: OriginHeaders, publicOrigin: string): void {
  const { origin, "sec-fetch-site": site } = headers;
  const isOurs = (origin ?? publicOrigin) === publicOrigin && (site ?? "same-origin") === "same-origin";
  if (isOurs && (origin !== undefined || site !== undefined)) return;
  throw new AppError("forbidden", "Cookies are accepted from this installation's own pages only.");
}
