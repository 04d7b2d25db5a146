import { createHash } from "node:crypto";
import { AppError } from "@sotto/platform/app-error";
import type { NotificationContext } from "../context.ts";

/** Counts the mails to one address, whoever causes them; the limiter remembers no address. */
export function addressKey(address: string): string {
  return createHash("sha256").update(`sotto mail to ${address.toLowerCase()}`).digest("base64url");
}

/** @returns 0 when one more mail may go to the address now; else the milliseconds after which to ask again. */
export async function takeTurn(
  { limits }: Pick<NotificationContext, "limits">,
  address: string,
): Promise<number> {
  try {
    await limits.take("mail.address", addressKey(address));
    return 0;
  } catch (error) {
    if (error instanceof AppError && error.code === "rate_limited")
      return (error.retryAfterSeconds ?? 60) * 1000;
    throw error;
  }
}
