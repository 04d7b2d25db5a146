import { Buffer } from "node:buffer";
import { AppError } from "@sotto/platform/app-error";
import type { Caller } from "@sotto/platform/token-verifier";
import { assertNotRevoked } from "./assert-not-revoked.ts";
import type { DeviceContext } from "./device-context.ts";
import { updateDeviceSession } from "./device-queries.ts";
import { getOwnDevice } from "./find-proven-device.ts";
import { invalidSignature } from "./key-parts.ts";
import { deviceSessionToSign } from "./signed-bytes.ts";
import { createSignatureVerifier } from "./xeddsa.ts";

/**
 * Lets the caller's session act as a device of the caller's account, after a proof that it holds the identity key.
 * The session that acted as the device before no longer does, and its connection ends.
 * @throws AppError `not_found`, `invalid_signature`, `rate_limited`, `session_revoked`, `unavailable`.
 */
export async function bindDeviceSession(
  context: Pick<DeviceContext, "db" | "clock" | "limits" | "closeDevice">,
  caller: Caller,
  deviceId: string,
  proof: string,
): Promise<void> {
  const device = await getOwnDevice(context.db, caller, deviceId);
  const { sessionId } = caller;
  const verify = createSignatureVerifier(device.identity_key);
  const proven = await verify?.(deviceSessionToSign(deviceId, sessionId), Buffer.from(proof, "base64"));
  if (!proven) throw invalidSignature(["proof"]);
  if (device.session_id === sessionId) return;
  await context.limits.take("device-change.account", `bind ${caller.accountId}`);
  const bound = await context.db.transaction().execute(async (tx) => {
    await assertNotRevoked(tx, sessionId);
    return updateDeviceSession(tx, device, { sessionId, seenAt: context.clock.now() });
  });
  // Removed, and perhaps registered with other keys, since it was read.
  if (!bound) throw new AppError("not_found", "The account has no such device.");
  if (device.session_id) context.closeDevice({ deviceId, sessionId: device.session_id }, "superseded");
}
