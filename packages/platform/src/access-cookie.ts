import { ACCESS_COOKIE } from "@sotto/contracts/access-token";

/**
 * Name of the cookie that holds the access token. Over https it has the prefix `__Host-` (RFC 6265bis section 4.1.3.2):
 * a cookie of the plain name could have been set by another host of the domain, and is never read there.
 */
export function accessCookieName(publicOrigin: string): string {
  return publicOrigin.startsWith("https:") ? `__Host-${ACCESS_COOKIE}` : ACCESS_COOKIE;
}
