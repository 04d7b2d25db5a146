import { randomUUID } from "node:crypto";
import { ACCESS_COOKIE } from "@sotto/contracts/access-token";
import { PROTOCOL_VERSION } from "@sotto/contracts/protocol-version";
import { handshakeAuth } from "@sotto/contracts/socket-events";
import { AppError, fromZodError } from "@sotto/platform/app-error";
import { parse as parseCookies } from "hono/utils/cookie";
import type { ChatContext } from "../context.ts";
import type { ConnectedDevice } from "../delivery/device-connection.ts";
import { recordConnection } from "../delivery/presence-queries.ts";

export type Admitted = { device: ConnectedDevice; gap: Date | null };

/**
 * Checks who connects: token, protocol version, and a device that is bound to the token's session.
 * @throws AppError `unauthenticated`, `token_expired`, `device_unproven`, `protocol_unsupported`, `bad_request`, `unavailable`
 */
export async function admit(
  context: Pick<ChatContext, "verifier" | "pool" | "node">,
  handshake: { auth: unknown; headers: { cookie?: string | undefined } },
): Promise<Admitted> {
  const { deviceId, token } = readAuth(handshake.auth);
  const caller = await context.verifier.verify(token ?? cookieToken(handshake.headers.cookie));
  const device = { ...caller, deviceId, connectionId: randomUUID() };
  const recorded = await recordConnection(context.pool, device, context.node.id);
  if (!recorded) throw new AppError("device_unproven", "This device is not bound to this session.");
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

function cookieToken(header: string | undefined): string {
  const cookies = parseCookies(header ?? "");
  const token = cookies[`__Host-${ACCESS_COOKIE}`] ?? cookies[ACCESS_COOKIE];
  if (!token) throw new AppError("unauthenticated", "This needs an access token.");
  return token;
}
