import { describe, expect, test } from "vitest";
import { AppError, toAppError, toFrameError } from "./app-error.ts";

describe("a database that is away", () => {
  test.each([
    "timeout exceeded when trying to connect",
    "Connection terminated",
    "Connection terminated unexpectedly",
    "Connection terminated due to connection timeout",
    "Client has encountered a connection error and is not queryable",
  ])("answers unavailable, also when the driver says so without a code: %s", (message) => {
    expect(toAppError(new Error(message))).toMatchObject({ code: "unavailable", retryAfterSeconds: 2 });
  });

  test.each(["08006", "53300", "57P01", "ECONNREFUSED"])("answers unavailable for the code %s", (code) => {
    expect(toAppError(Object.assign(new Error("x"), { code })).code).toBe("unavailable");
  });
});

test.each([
  new Error("Something secret"),
  "a string",
  null,
  undefined,
  { code: 5 },
  { constraint: "__proto__" },
])("whatever else is thrown is an internal error that tells nothing", (thrown) => {
  const error = toFrameError(toAppError(thrown));
  expect(error).toEqual({ code: "internal", detail: "Something went wrong on the server." });
});

test("an AppError stays as it is", () => {
  const error = new AppError("not_found", "none", { details: [1] });
  expect(toAppError(error)).toBe(error);
});
