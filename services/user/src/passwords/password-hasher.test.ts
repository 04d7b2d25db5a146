import { hash, parseOptions, verify } from "@node-rs/argon2";
import { expect, test } from "vitest";
import { type Argon2, createPasswordHasher } from "./password-hasher.ts";
import { createWorkQueue } from "./work-queue.ts";

function createHasher(argon2: Argon2 = { hash, verify }) {
  return createPasswordHasher({ argon2, queue: createWorkQueue({ concurrency: 2, maxWaiting: 10 }) });
}

test("a password is accepted by its own hash only", async () => {
  const hasher = createHasher();
  const phc = await hasher.hash("correct horse battery");
  expect(phc).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(await hasher.verify(phc, "correct horse battery")).toBe(true);
  expect(await hasher.verify(phc, "correct horse batterz")).toBe(false);
  expect(await hasher.hash("correct horse battery")).not.toBe(phc);
});

test("an account that does not exist costs a verification with the parameters of a real hash", async () => {
  const verified: string[] = [];
  const hasher = createHasher({
    hash,
    verify: (phc, ...rest) => {
      verified.push(String(phc));
      return verify(phc, ...rest);
    },
  });
  expect(await hasher.verify(undefined, "correct horse battery")).toBe(false);
  expect(verified).toHaveLength(1);
  const real = await hasher.hash("correct horse battery");
  expect(parseOptions(verified[0] ?? "")).toEqual(parseOptions(real));
});

test("an account that does not exist is refused even when the stand-in hash matches", async () => {
  const hasher = createHasher({ hash, verify: async () => true });
  expect(await hasher.verify(undefined, "anything at all")).toBe(false);
});

test("composed and decomposed accents are one password", async () => {
  const hasher = createHasher();
  const phc = await hasher.hash("zwölf Boxkämpfer".normalize("NFD"));
  expect(await hasher.verify(phc, "zwölf Boxkämpfer".normalize("NFC"))).toBe(true);
});

test("a hash by other parameters is outdated, one by today's is not", async () => {
  const hasher = createHasher();
  expect(hasher.isOutdated(await hasher.hash("correct horse battery"))).toBe(false);
  const weaker = await hash("correct horse battery", { memoryCost: 4096, timeCost: 2, parallelism: 1 });
  expect(hasher.isOutdated(weaker)).toBe(true);
});
