import { describe, expect, it } from "vitest";
import { judgeAnswer, judgeFailure } from "./push-verdict.ts";

const now = new Date("2026-01-01T00:00:00Z");
const judge = (status: number, retryAfter?: string) => judgeAnswer({ status, retryAfter }, now);

describe("an answer", () => {
  it.each([200, 201, 202, 204])("of status %d is a success", (status) => {
    expect(judge(status)).toEqual({ kind: "sent" });
  });

  it.each([404, 410])("of status %d is the end of the subscription", (status) => {
    expect(judge(status)).toEqual({ kind: "gone", reason: `push ${status}` });
  });

  it.each([400, 401, 403, 405, 413, 301, 302, 307, 308, 304])("of status %d is final", (status) => {
    expect(judge(status)).toEqual({ kind: "refused", reason: `push ${status}` });
  });

  it.each([408, 425, 429, 500, 502, 503, 507])("of status %d may be another one the next time", (status) => {
    expect(judge(status)).toEqual({ kind: "later", reason: `push ${status}`, afterMs: 0 });
  });

  it.each([
    ["120", 120_000],
    ["0", 0],
    ["Thu, 01 Jan 2026 00:10:00 GMT", 600_000],
    ["Wed, 31 Dec 2025 23:00:00 GMT", 0],
    ["soon", 0],
    ["-5", 0],
    ["99999999999999999999", 0],
    ["", 0],
  ])("says when to come again: %s", (retryAfter, afterMs) => {
    expect(judge(429, retryAfter)).toMatchObject({ kind: "later", afterMs });
  });
});

describe("no answer", () => {
  it("may be one the next time, unless the address must not be called", () => {
    expect(judgeFailure({ code: "ECONNREFUSED" })).toEqual({
      kind: "later",
      reason: "ECONNREFUSED",
      afterMs: 0,
    });
    expect(judgeFailure({ code: "ENOTPUBLIC" })).toEqual({ kind: "refused", reason: "ENOTPUBLIC" });
    expect(judgeFailure(new Error("https://push.example/secret"))).toMatchObject({ reason: "unknown" });
    const error = Object.assign(new Error("aborted", { cause: new DOMException("late", "TimeoutError") }), {
      code: "ABORT_ERR",
    });
    expect(judgeFailure(error)).toMatchObject({ kind: "later", reason: "timeout" });
  });
});
