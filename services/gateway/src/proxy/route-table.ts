import { SOCKET_PATH } from "@sotto/contracts/socket-events";
import type { Backends } from "../config.ts";

/** `url`: path and query to ask the backend for. */
export type Route =
  | {
      readonly kind: "backend";
      readonly backend: keyof Backends;
      readonly url: string;
      readonly isSocket: boolean;
    }
  /** Belongs to a backend, but is not for the outside. */
  | { readonly kind: "hidden" }
  /** The gateway's own pages. */
  | { readonly kind: "own" };

const PREFIXES: readonly (readonly [string, keyof Backends])[] = [
  ["/api/user", "user"],
  ["/api/chat", "chat"],
  ["/api/notifications", "notification"],
  ["/mail", "mail"],
];

/** Whether `path` is `prefix` or lies under it: "/mailbox" is not under "/mail". */
function isUnder(prefix: string, path: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

/**
 * Where a request goes. The path is normalised first, as the services do themselves: "/api/user/../../metrics"
 * would otherwise pass here as a path of the user service and arrive there as "/metrics".
 */
export function findRoute(requestUrl: string): Route {
  const base = "http://gateway";
  // An origin form that starts with two slashes would name a host.
  const parsed = URL.parse(requestUrl.replace(/^[/\\]+/, "/"), base);
  if (parsed === null || parsed.origin !== base) return { kind: "hidden" };
  const { pathname, search } = parsed;
  const found = PREFIXES.find(([prefix]) => isUnder(prefix, pathname));
  if (found === undefined) return { kind: "own" };
  const [prefix, backend] = found;
  const rest = pathname.slice(prefix.length);
  if (/^\/+(metrics|health)(\/|$)/.test(rest)) return { kind: "hidden" };
  const isSocket = backend === "chat" && isUnder(SOCKET_PATH, pathname);
  // Services describe themselves at their root, which is not routed.
  const path = rest === "/openapi.json" ? rest : pathname;
  return { kind: "backend", backend, url: path + search, isSocket };
}
