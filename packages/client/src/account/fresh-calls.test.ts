import { describe, expect, it } from "vitest";
import { SottoError } from "../sotto-error.ts";
import { createFreshCalls } from "./fresh-calls.ts";
import type { ReauthenticationProof } from "./reauthenticate.ts";

const required = () => new SottoError("reauthentication_required", "prove it");

type Asking = { ask?: (() => Promise<ReauthenticationProof>) | undefined; prove?: () => Promise<void> };

/** Calls are refused until somebody has proved whose the session is; `counts` says how often what was asked. */
function world({ ask, prove = async () => {} }: Asking = {}) {
  const counts = { asked: 0, proved: 0, called: 0 };
  const session = {
    get authentications() {
      return counts.proved;
    },
  };
  const fresh = createFreshCalls({
    session,
    ask: async () => {
      counts.asked += 1;
      return ask === undefined ? { password: "right" } : ask();
    },
    prove: async () => {
      await prove();
      counts.proved += 1;
    },
  });
  const dangerous = async () => {
    counts.called += 1;
    if (counts.proved === 0) throw required();
    return "done";
  };
  return { fresh, dangerous, counts };
}

describe("a call that needs a fresh session", () => {
  it("asks when it is refused, and is made once more", async () => {
    const { fresh, dangerous, counts } = world();
    expect(await fresh(dangerous)).toBe("done");
    expect(counts).toEqual({ asked: 1, proved: 1, called: 2 });
    expect(await fresh(dangerous)).toBe("done");
    expect(counts).toEqual({ asked: 1, proved: 1, called: 3 });
  });

  it("is not made a third time when it is refused again", async () => {
    const { fresh, counts } = world();
    const refused = () => {
      counts.called += 1;
      return Promise.reject(required());
    };
    await expect(fresh(refused)).rejects.toMatchObject({ code: "reauthentication_required" });
    expect(counts).toEqual({ asked: 1, proved: 1, called: 2 });
  });

  it("asks for no other refusal", async () => {
    const { fresh, counts } = world();
    const refused = () => Promise.reject(new SottoError("forbidden", "no"));
    await expect(fresh(refused)).rejects.toMatchObject({ code: "forbidden" });
    expect(counts.asked).toBe(0);
  });

  it("asks once for all that wait, and for those that were under way", async () => {
    const { promise, resolve } = Promise.withResolvers<ReauthenticationProof>();
    const { fresh, dangerous, counts } = world({ ask: () => promise });
    const { promise: answer, resolve: letAnswer } = Promise.withResolvers<void>();
    let tries = 0;
    const slow = async () => {
      tries += 1;
      if (tries === 1) {
        await answer;
        throw required();
      }
      return "late";
    };
    const calls = [fresh(dangerous), fresh(dangerous), fresh(dangerous)];
    const late = fresh(slow);
    await expect.poll(() => counts.asked).toBe(1);
    resolve({ password: "right" });
    expect(await Promise.all(calls)).toEqual(["done", "done", "done"]);
    letAnswer();
    expect(await late).toBe("late");
    expect(counts).toEqual({ asked: 1, proved: 1, called: 6 });
  });

  it("is given up with the asking, and the next one asks anew", async () => {
    const { fresh, dangerous, counts } = world({
      ask: () => Promise.reject(new TypeError("the window was closed")),
    });
    const failures = await Promise.allSettled([fresh(dangerous), fresh(dangerous)]);
    for (const failure of failures) {
      expect(failure).toMatchObject({ status: "rejected", reason: { code: "cancelled" } });
    }
    expect(counts).toEqual({ asked: 1, proved: 0, called: 2 });
    await expect(fresh(dangerous)).rejects.toMatchObject({ code: "cancelled" });
    expect(counts.asked).toBe(2);
  });

  it("fails with what the proof was refused for", async () => {
    const { fresh, dangerous, counts } = world({
      prove: () => Promise.reject(new SottoError("invalid_credentials", "wrong")),
    });
    await expect(fresh(dangerous)).rejects.toMatchObject({ code: "invalid_credentials" });
    expect(counts).toEqual({ asked: 1, proved: 0, called: 1 });
  });

  it("leaves the refusal to the caller when there is nobody to ask", async () => {
    const fresh = createFreshCalls({
      session: { authentications: 0 },
      prove: async () => {},
      ask: undefined,
    });
    await expect(fresh(() => Promise.reject(required()))).rejects.toMatchObject({
      code: "reauthentication_required",
    });
  });
});
