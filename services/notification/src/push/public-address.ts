import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** Answers credentials to virtual machines of Azure, from an address that looks like any other. */
const METADATA = "168.63.129.16";

/**
 * Whether an IP address is of the public internet: not private, loopback, link-local (cloud metadata among it),
 * multicast, carrier-grade NAT, reserved, or a way around such a rule (IPv4 in IPv6). What NAT64 (RFC 6052) leads to
 * is looked at instead of its prefix, for servers that have no other way to IPv4.
 */
export function isPublicAddress(text: string): boolean {
  // The parser alone takes short forms of IPv4.
  if (isIP(text) === 0 || text.includes("%")) return false;
  const address = ipaddr.parse(text);
  const range = address.range();
  if (range === "rfc6052") return isPublicAddress(address.toByteArray().slice(-4).join("."));
  return range === "unicast" && address.toString() !== METADATA;
}
