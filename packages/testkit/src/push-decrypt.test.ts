import { expect, it } from "vitest";
import { decryptPush, publicKeyOf } from "./push-decrypt.ts";

/** RFC 8291 section 5 and appendix A. */
const secrets = {
  privateKey: Buffer.from("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94", "base64url"),
  auth: Buffer.from("BTBZMqHH6r4Tts7J_aSIgg", "base64url"),
};
const body = Buffer.from(
  "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl" +
    "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
  "base64url",
);

it("decrypts the example of RFC 8291", () => {
  expect(publicKeyOf(secrets).toString("base64url")).toBe(
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
  );
  expect(decryptPush(body, secrets).toString()).toBe("When I grow up, I want to be a watermelon");
});

it("decrypts nothing that was changed, or that is another's", () => {
  const changed = Buffer.from(body);
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  expect(() => decryptPush(changed, secrets)).toThrow();
  expect(() => decryptPush(body, { ...secrets, auth: Buffer.alloc(16) })).toThrow();
});
