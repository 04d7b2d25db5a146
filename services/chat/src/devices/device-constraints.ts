import type { ConstraintErrors } from "@sotto/platform/app-error";
import { AppError } from "@sotto/platform/app-error";
import { deviceExists } from "./register-device.ts";

/** What breaking a constraint of the device tables means for a caller. */
export const deviceConstraints: ConstraintErrors = {
  device_id_unique: deviceExists,
  // The device was removed while it uploaded.
  one_time_prekey_device_fkey: () => new AppError("not_found", "The account has no such device."),
  one_time_kem_prekey_device_fkey: () => new AppError("not_found", "The account has no such device."),
};
