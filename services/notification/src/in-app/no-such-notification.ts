import { AppError } from "@sotto/platform/app-error";

/** The one answer about what is not there, and about what is another's. */
export function noSuchNotification(): AppError {
  return new AppError("not_found", "There is no such notification.");
}
