import { randomUUID } from "node:crypto";
import { PROTOCOL_VERSION } from "@sotto/contracts/protocol-version";
import { handshakeAuth } from "@sotto/contracts/socket-events";
import { accessCookieName } from "@sotto/platform/access-cookie";
import { AppError, fromZodError } from "@sotto/platform/app-error";
import { type OriginHeaders, requireSameOrigin } from "@sotto/platform/same-origin";
import { parse as parseCookies } from "hono/utils/cookie";
import type { ChatContext } from "../context.ts";
import type { ConnectedDevice } from "../delivery/device-connection.ts";
import { recordConnection } from "../delivery/presence-queries.ts";

export type Admitted = { device: ConnectedDevice; gap: Date | null };

type HandshakeHeaders = OriginHeaders & { readonly cookie?: string | undefined };

/**
 * Checks who connects: token, protocol version, and a device that is bound to the token's session. Browsers let any
 * page open a WebSocket to anywhere, with cookies: one that comes with a cookie must come from our own pages.
 * @throws AppError `unauthenticated`, `token_expired`, `forbidden`, `device_unproven`, `protocol_unsupported`, `bad_request`,
 * `rate_limited`, `unavailable`
 */
export async function admit(
  context: Pick<ChatContext, "verifier" | "pool" | "node" | "publicOrigin" | "clock" | "nodeLimits">,
  handshake: { auth: unknown; headers: HandshakeHeaders },
): Promise<Admitted> {
  const begunMs = context.clock.monotonicMs();
  const { deviceId, token } = readAuth(handshake.auth);
  const caller = await context.verifier.verify(token ?? cookieToken(handshake.headers, context.publicOrigin));
  context.nodeLimits.take("connection.account", caller.accountId);
  const device = { ...caller, deviceId, connectionId: randomUUID() };
  const recorded = await recordConnection(
    context.pool,
    { ...device, nodeId: context.node.id },
    () => context.clock.monotonicMs() - begunMs,
  );
  if (!recorded) throw new AppError("device_unproven", "This device is not bound to this session.");
  if (recorded.isOutdone) {
    throw new AppError("unavailable", "The device has connected anew meanwhile.", { retryAfterSeconds: 1 });
  }
  return { device, gap: recorded.gap };
}

function readAuth(auth: unknown) {
  const parsed = handshakeAuth.safeParse(auth);
  if (parsed.success) return parsed.data;
  if (parsed.error.issues.some(({ path }) => path[0] === "protocolVersion")) {
    throw new AppError(
      "protocol_unsupported",
      `This server speaks version ${PROTOCOL_VERSION} of the protocol.`,
    );
  }
  throw fromZodError(parsed.error);
}

function cookieToken(headers: HandshakeHeaders, publicOrigin: string): string {
  const token = parseCookies(headers.cookie ?? "")[accessCookieName(publicOrigin)];
  if (!token) throw new AppError("unauthenticated", "This needs an access token.");
  requireSameOrigin(headers, publicOrigin);
  return token;
}
