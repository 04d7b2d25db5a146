import type { Context } from "hono";

/** What @hono/node-server and Deno hand to an app beside the request. */
type ConnectionInfo = {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } };
  readonly remoteAddr?: { readonly hostname?: string };
};

/** Address of the peer of the connection; undefined where the runtime does not tell. */
export function connectionAddress(c: Context): string | undefined {
  const info = (c.env ?? {}) as ConnectionInfo;
  return info.incoming?.socket?.remoteAddress ?? info.remoteAddr?.hostname;
}
