import { expect } from "vitest";
import { E2eeError, type E2eeErrorCode } from "../src/errors.ts";

/** Resolves when the promise rejects with this code; fails the test otherwise. */
export async function expectCode(promise: Promise<unknown>, code: E2eeErrorCode): Promise<void> {
  const outcome = await promise.then(
    () => "no error",
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(E2eeError);
  expect((outcome as E2eeError).code).toBe(code);
}

/** The code that a function throws. */
export function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof E2eeError) return error.code;
    throw error;
  }
  return "no error";
}
