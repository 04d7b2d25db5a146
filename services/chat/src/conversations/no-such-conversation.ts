import { AppError } from "@sotto/platform/app-error";

/** The one answer about a conversation that does not exist, and one that the caller is no member of. */
export function noSuchConversation(): AppError {
  return new AppError("not_found", "There is no such conversation.");
}
