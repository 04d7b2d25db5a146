import { deviceId } from "@sotto/contracts/ids";
import { DEVICE_HEADER } from "@sotto/contracts/message-api";
import { AppError } from "@sotto/platform/app-error";
import type { AppEnv } from "@sotto/platform/http";
import type { MiddlewareHandler } from "hono";
import type { DeviceContext } from "./device-context.ts";
import { findProvenDevice, type ProvenDevice } from "./find-proven-device.ts";

export type DeviceEnv = { Variables: AppEnv["Variables"] & { device: ProvenDevice } };

/**
 * Lets only calls pass whose header `sotto-device` names a device that the caller's session may act as; `c.var.device`
 * is that device. After `requireCaller`.
 * @throws AppError `bad_request` without a well-formed header, `not_found`, `device_unproven`.
 */
export function requireDevice(context: Pick<DeviceContext, "db">): MiddlewareHandler<DeviceEnv> {
  return async (c, next) => {
    const header = deviceId.safeParse(c.req.header(DEVICE_HEADER));
    if (!header.success) {
      throw new AppError("bad_request", `The header ${DEVICE_HEADER} must name the calling device.`, {
        issues: [{ path: DEVICE_HEADER, message: "must be a lower-case UUID" }],
      });
    }
    c.set("device", await findProvenDevice(context.db, c.var.caller, header.data));
    await next();
  };
}
