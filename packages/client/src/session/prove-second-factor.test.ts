import type { SecondFactorRequired } from "@sotto/contracts/session-api";
import type { SignedIn } from "@sotto/contracts/user-api";
import { describe, expect, it } from "vitest";
import { SottoError, type SottoErrorCode } from "../sotto-error.ts";
import { proveSecondFactor, type SecondFactorAnswer } from "./prove-second-factor.ts";

const required: SecondFactorRequired = {
  challenge: "challenge-of-twenty-bytes",
  methods: ["totp", "recovery_code"],
  expiresAt: "2026-01-01T00:05:00.000Z",
};
const signedIn = { account: {}, session: {} } as SignedIn;

/** A service that refuses with these codes, one after the other, and then signs in. */
function service(...refusals: SottoErrorCode[]) {
  const proofs: SecondFactorAnswer[] = [];
  const user = {
    async signInWithSecondFactor(_challenge: string, proof: SecondFactorAnswer) {
      proofs.push(proof);
      const code = refusals.shift();
      if (code !== undefined) throw new SottoError(code, "refused");
      return signedIn;
    },
  };
  return { user, proofs };
}

describe("a second factor", () => {
  it("is asked for again when the code was wrong, three times at most", async () => {
    const { user, proofs } = service("invalid_code", "invalid_code");
    const ask = async ({ attempt }: { attempt: number }) => ({ totp: `00000${attempt}` });
    expect(await proveSecondFactor(user, required, ask)).toBe(signedIn);
    expect(proofs).toEqual([{ totp: "000001" }, { totp: "000002" }, { totp: "000003" }]);
    const strict = service(...Array.from({ length: 9 }, () => "invalid_code" as const));
    await expect(proveSecondFactor(strict.user, required, ask)).rejects.toMatchObject({
      code: "invalid_code",
    });
    expect(strict.proofs).toHaveLength(3);
  });

  it.each(["invalid_credentials", "challenge_invalid", "rate_limited", "network"] as const)(
    "is not asked for again after %s",
    async (code) => {
      const { user, proofs } = service(code);
      const ask = async () => ({ recoveryCode: "abcde-fghij" });
      await expect(proveSecondFactor(user, required, ask)).rejects.toMatchObject({ code });
      expect(proofs).toHaveLength(1);
    },
  );

  it("that nobody can be asked for is an error with its methods, and without the challenge", async () => {
    const failure = proveSecondFactor(service().user, required, undefined);
    await expect(failure).rejects.toMatchObject({ code: "second_factor_required" });
    await expect(failure).rejects.toHaveProperty("details", { methods: required.methods });
  });

  it("that the user does not give is cancelled, for the reason the application had", async () => {
    const cause = new Error("closed the window");
    const failure = proveSecondFactor(service().user, required, () => Promise.reject(cause));
    await expect(failure).rejects.toMatchObject({ code: "cancelled", cause });
  });
});
