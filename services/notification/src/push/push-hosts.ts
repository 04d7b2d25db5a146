import { isIP } from "node:net";
import { z } from "zod";
import { isPublicAddress } from "./public-address.ts";

/** Hosts of push services (`URL.host`) that may have private addresses and other ports. */
export type PushHosts = ReadonlySet<string>;

/** A list of `host` or `host:port`, separated by commas. */
export const pushHosts = z.string().transform((text, context): PushHosts => {
  const entries = text
    .split(",")
    .map((entry) => entry.trim())
    .filter(Boolean);
  const hosts = entries.map((entry) => hostOf(entry));
  if (hosts.every((host) => host !== undefined)) return new Set(hosts);
  context.addIssue({ code: "custom", message: "must be hosts or host:port, separated by commas" });
  return z.NEVER;
});

function hostOf(entry: string): string | undefined {
  const url = URL.parse(`https://${entry}`);
  return url !== null && url.href === `https://${url.host}/` ? url.host : undefined;
}

/** The name or address of a URL, without the brackets of IPv6. */
export const hostnameOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, "$1");

/**
 * What is wrong with the address of a push service; undefined when a request may go there. Names are not looked up: what
 * they lead to is decided at every connection (`push-http.ts`).
 */
export function faultOfEndpoint(url: URL, listed: PushHosts): string | undefined {
  if (url.protocol !== "https:") return "needs https";
  if (url.username !== "" || url.password !== "") return "must hold no credentials";
  if (listed.has(url.host)) return undefined;
  if (url.port !== "") return "has a port that this installation does not allow";
  const hostname = hostnameOf(url);
  return isIP(hostname) !== 0 && !isPublicAddress(hostname) ? "is not public" : undefined;
}
