import type { Context } from "hono";
import ipaddr from "ipaddr.js";
import { z } from "zod";

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Networks (RFC 4632, RFC 4291) of the proxies whose word about a client is believed. */
export type TrustedProxies = readonly [address: Address, prefixBits: number][];

export const LOOPBACK: TrustedProxies = toNetworks(["127.0.0.0/8", "::1/128"]) ?? [];

/** A list of networks or single addresses, separated by commas, or "none". */
export const trustedProxies = z.string().transform((text, context): TrustedProxies => {
  if (text.trim() === "none") return [];
  const networks = toNetworks(
    text
      .split(",")
      .map((part) => part.trim())
      .filter(Boolean),
  );
  if (networks) return networks;
  context.addIssue({ code: "custom", message: "must be networks like 10.0.0.0/8, separated by commas" });
  return z.NEVER;
});

function toNetworks(texts: readonly string[]): TrustedProxies | undefined {
  const networks: [Address, number][] = [];
  for (const text of texts) {
    const network = toNetwork(text);
    if (!network) return undefined;
    networks.push(network);
  }
  return networks;
}

function toNetwork(text: string): [Address, number] | undefined {
  const slash = text.indexOf("/");
  const address = readAddress(slash < 0 ? text : text.slice(0, slash));
  if (!address) return undefined;
  if (slash < 0) return [address, address.kind() === "ipv4" ? 32 : 128];
  const [network, bits] = ipaddr.isValidCIDR(text) ? ipaddr.parseCIDR(text) : [];
  // A network of IPv4 addresses within IPv6 would never be met: those count as IPv4.
  return network && bits !== undefined && network.kind() === address.kind() ? [network, bits] : undefined;
}

/** Of an address in its usual form; an IPv4 address within IPv6 (RFC 4291 section 2.5.5.2) is the IPv4 address. */
function readAddress(text: string): Address | undefined {
  // A zone (RFC 4007) has a meaning on this machine alone.
  const bare = text.replace(/%[\w.-]{1,32}$/, "");
  if (ipaddr.IPv4.isValidFourPartDecimal(bare)) return ipaddr.IPv4.parse(bare);
  if (!bare.includes(":") || !ipaddr.IPv6.isValid(bare)) return undefined;
  return ipaddr.process(bare);
}

/**
 * Address of the client, in its canonical form. `forwardedFor`, the header X-Forwarded-For, holds what each proxy saw
 * in front of it, the nearest last: it is believed from the right, as long as the one who says it is trusted. What is
 * no address ends the walk. Undefined where the runtime does not tell the peer.
 */
export function clientAddress(
  { peer, forwardedFor }: { peer: string | undefined; forwardedFor: string | undefined },
  trusted: TrustedProxies,
): string | undefined {
  let current = peer === undefined ? undefined : readAddress(peer);
  if (!current) return undefined;
  const hops = forwardedFor?.split(",") ?? [];
  while (hops.length > 0 && isTrusted(current, trusted)) {
    const hop = readAddress(hops.pop()?.trim() ?? "");
    if (!hop) break;
    current = hop;
  }
  return current.toString();
}

function isTrusted(address: Address, trusted: TrustedProxies): boolean {
  return trusted.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
}

/**
 * The key of limits by address. A client chooses the lower half of an IPv6 address as it likes, so that these count by
 * /64. Without an address all clients share one key: a limit that everybody shares beats none.
 */
export function limitKey(address: string | undefined): string {
  const read = address === undefined ? undefined : readAddress(address);
  if (!read) return "unknown";
  if (read.kind() === "ipv4") return read.toString();
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${read.toString()}/64`).toString()}/64`;
}

/** What @hono/node-server and Deno hand to an app beside the request. */
type ConnectionInfo = {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } };
  readonly remoteAddr?: { readonly hostname?: string };
};

/** Address of the peer of the connection; undefined where the runtime does not tell. */
export function peerAddress(c: Context): string | undefined {
  const info = (c.env ?? {}) as ConnectionInfo;
  return info.incoming?.socket?.remoteAddress ?? info.remoteAddr?.hostname;
}
