import { errorStatus, problem } from "@sotto/contracts/errors";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { AppError, type ConstraintErrors, toAppError, toFrameError, toProblem } from "./app-error.ts";

const constraints: ConstraintErrors = { name_unique: () => new AppError("username_taken", "Taken.") };

const databaseError = (fields: object) => Object.assign(new Error("from the database"), fields);

describe("a broken constraint", () => {
  test("is the error of its table, and of nothing that a table inherits", () => {
    expect(toAppError(databaseError({ constraint: "name_unique" }), constraints).code).toBe("username_taken");
    for (const name of ["toString", "constructor", "__proto__", "hasOwnProperty", "valueOf", "", "other"]) {
      expect(toAppError(databaseError({ code: "23505", constraint: name }), constraints).code, name).toBe(
        "internal",
      );
    }
    expect(toAppError(databaseError({ constraint: ["name_unique"] }), constraints).code).toBe("internal");
    expect(toAppError(databaseError({ constraint: "name_unique" })).code).toBe("internal");
  });
});

test("what passes by itself is unavailable, with seconds to wait", () => {
  const codes =
    "08006 08P01 53300 57P01 57P02 57P03 57014 25006 25P03 40001 40P01 55P03 ECONNREFUSED ECONNRESET EPIPE ETIMEDOUT EAI_AGAIN";
  const messages = [
    "timeout exceeded when trying to connect",
    "Connection terminated unexpectedly",
    "Connection terminated due to connection timeout",
    "Client has encountered a connection error and is not queryable",
    "Client was closed and is not queryable",
  ];
  const thrown = [
    ...codes.split(" ").map((code) => databaseError({ code })),
    ...messages.map((m) => new Error(m)),
  ];
  for (const error of thrown) {
    expect(toAppError(error), JSON.stringify(error)).toMatchObject({
      code: "unavailable",
      retryAfterSeconds: 2,
    });
  }
});

test("what does not is internal, and says nothing of itself", () => {
  const secrets = [
    databaseError({ code: "42P01" }),
    databaseError({ code: "x08006" }),
    databaseError({ code: 57014 }),
    new TypeError("secret.of is not a function"),
    "text",
    undefined,
    null,
    42,
    { code: {} },
  ];
  for (const thrown of secrets) {
    const error = toAppError(thrown);
    expect(error.code).toBe("internal");
    expect(error.cause).toBe(thrown);
    expect(JSON.stringify(toProblem(error, "id"))).not.toMatch(/database|secret|text/);
  }
});

test("an error of our own stays what it is", () => {
  const own = new AppError("gap_pending", "Wait.");
  expect(toAppError(own)).toBe(own);
});

test("a failed validation names the paths, at most twenty, and never the input", () => {
  const input = { name: "hunter2-name", list: Array.from({ length: 100 }, () => "hunter2"), role: "hunter2" };
  const schema = z.strictObject({
    name: z.string().max(3),
    list: z.array(z.uuid()),
    role: z.enum(["a", "b"]),
  });
  const error = toAppError(schema.safeParse(input).error);
  expect(error.code).toBe("bad_request");
  expect(error.issues).toHaveLength(20);
  expect(error.issues?.slice(0, 2).map(({ path }) => path)).toEqual(["name", "list.0"]);
  expect(JSON.stringify(toProblem(error, "id"))).not.toContain("hunter2");
});

test("every code makes a problem of its status, and the same error for a frame", () => {
  for (const code of Object.keys(errorStatus) as (keyof typeof errorStatus)[]) {
    const error = new AppError(code, "Text.", { details: { a: 1 }, retryAfterSeconds: 3 });
    const made = problem.parse(toProblem(error, "request"));
    expect(made).toMatchObject({
      code,
      status: errorStatus[code],
      type: `urn:sotto:error:${code}`,
      requestId: "request",
    });
    expect(made).toMatchObject(toFrameError(error));
  }
  expect(toFrameError(new AppError("internal", "Text."))).toEqual({ code: "internal", detail: "Text." });
});
