import type { IncomingMessage } from "node:http";

/** Said by proxies about the caller. We are the first proxy, so whoever says it to us is not to be believed. */
const CLAIMS = /^(x-forwarded-.*|forwarded|x-real-ip|x-client-ip|true-client-ip|cf-connecting-ip)$/;

/** Replaces what the caller claims about itself by what we see. */
export function rewriteHeaders(request: IncomingMessage): void {
  const { headers, socket } = request;
  for (const name of Object.keys(headers)) if (CLAIMS.test(name)) delete headers[name];
  headers["x-forwarded-for"] = socket.remoteAddress ?? "";
  headers["x-forwarded-proto"] = "http";
  if (headers.host !== undefined) headers["x-forwarded-host"] = headers.host;
  // Node has answered "100 Continue" itself.
  delete headers.expect;
}
