import { AppError } from "@sotto/platform/app-error";

/** The one answer about an account that does not exist, has no devices yet, or has been deleted. */
export function noSuchAccount(): AppError {
  return new AppError("not_found", "There is no such account, or it cannot be written to.");
}

/** Whoever has blocked somebody may know it. */
export function accountBlocked(): AppError {
  return new AppError("account_blocked", "You have blocked this account. Unblock it first.");
}
