import type { PasswordWeakness } from "@sotto/contracts/account-api";
import { AppError } from "@sotto/platform/app-error";
import type { UserContext } from "../context.ts";
import { passwordWords } from "./password-words.ts";

/**
 * Refuses a password that is guessed too easily (NIST SP 800-63B section 5.1.1.2: known, and derived from the person).
 * @throws AppError `weak_password` with what to do about it, `overloaded`.
 */
export async function checkPassword(
  { strength, passwordMinScore }: Pick<UserContext, "strength" | "passwordMinScore">,
  password: string,
  person: { username: string; email: string; displayName?: string | null | undefined },
): Promise<void> {
  const { score, warning, suggestions } = await strength.judge(password, passwordWords(person));
  if (score >= passwordMinScore) return;
  const details: PasswordWeakness = {
    score,
    requiredScore: passwordMinScore,
    warning,
    suggestions: [...suggestions],
  };
  throw new AppError("weak_password", "This password is guessed too easily.", { details });
}
