import { afterAll, expect, test } from "vitest";
import { createStrengthJudge } from "./strength-judge.ts";

const judge = createStrengthJudge();
afterAll(() => judge.close());

test("what is guessed at once is told from what is not", async () => {
  for (const weak of ["password1234", "qwertyuiop123", "aaaaaaaaaaaaaaaa", "1234567890123", "P@ssw0rd1234"]) {
    expect((await judge.judge(weak, [])).score, weak).toBeLessThan(3);
  }
  for (const strong of ["correct horse battery staple", "kR7#vTq2pLw9x", "a password of bob's own"]) {
    expect((await judge.judge(strong, [])).score, strong).toBeGreaterThanOrEqual(3);
  }
});

test("what is known of a person makes a password weaker", async () => {
  const password = "Zwyndham1234";
  const { score: stranger } = await judge.judge(password, []);
  const { score: known } = await judge.judge(password, ["zwyndham"]);
  expect(known).toBeLessThan(stranger);
  expect(known).toBeLessThan(3);
});

test("no more than the first hundred characters are judged", async () => {
  const start = "a".repeat(100);
  expect(await judge.judge(`${start}kR7#vTq2pLw9x8Jm`, [])).toEqual(await judge.judge(start, []));
});

test("odd text is judged like any other", async () => {
  for (const odd of [
    "\u0000".repeat(12),
    "\ud800".repeat(12),
    "👩‍👩‍👧‍👦".repeat(12),
    "__proto__constructor",
  ]) {
    expect((await judge.judge(odd, ["__proto__", "constructor"])).score).toBeTypeOf("number");
  }
});

test("judgements at once are each answered with their own", async () => {
  const passwords = ["password1234", "kR7#vTq2pLw9x", "aaaaaaaaaaaaaaaa", "correct horse battery staple"];
  const alone: number[] = [];
  for (const password of passwords) alone.push((await judge.judge(password, [])).score);
  const together = await Promise.all(passwords.map((password) => judge.judge(password, [])));
  expect(together.map(({ score }) => score)).toEqual(alone);
});

test("more than can wait are refused, and a thread that was ended is replaced", async () => {
  const own = createStrengthJudge();
  const all = await Promise.allSettled(Array.from({ length: 70 }, () => own.judge("password1234", [])));
  const refused = all.filter((each) => each.status === "rejected");
  expect(refused).toHaveLength(5);
  for (const { reason } of refused) expect(reason).toMatchObject({ code: "overloaded" });
  await own.close();
  expect((await own.judge("password1234", [])).score).toBeLessThan(3);
  await own.close();
});
