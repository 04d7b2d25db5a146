import { calculateJwkThumbprint, importJWK, jwtVerify, SignJWT } from "jose";
import { expect, test } from "vitest";
import { publicHalf, toSigningKey } from "./signing-key.ts";

test("a seed gives the key pair of RFC 8032 section 7.1, test 1, and its thumbprint as the kid", async () => {
  const seed = Buffer.from("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "hex");
  const key = toSigningKey(seed);
  expect(Buffer.from(key.x, "base64url").toString("hex")).toBe(
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
  );
  expect(key.kid).toBe(await calculateJwkThumbprint(key));
});

test("what the private half signs the public half verifies, and the public half holds nothing private", async () => {
  const key = toSigningKey(Buffer.alloc(32, 7));
  expect(publicHalf(key)).not.toHaveProperty("d");
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: "EdDSA" })
    .sign(await importJWK({ ...key, key_ops: ["sign"] }, "EdDSA"));
  await expect(jwtVerify(token, await importJWK(publicHalf(key), "EdDSA"))).resolves.toBeDefined();
});
