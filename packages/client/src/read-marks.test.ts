import { expect, test } from "vitest";
import type { AuthorizedRequest } from "./api/chat-api.ts";
import { createReadMarks } from "./read-marks.ts";

/** A clock whose time passes when told to, and a server that takes note. */
function world(refuse = false) {
  const timers: (() => void)[] = [];
  const asked: unknown[] = [];
  const after = (_delayMs: number, run: () => void) => {
    timers.push(run);
    return () => {};
  };
  const request = (async ({ path, body }: { path: string; body: unknown }) => {
    asked.push([path, body]);
    if (refuse) throw new Error("refused");
    return { readAt: "2026-01-01T00:00:00.000Z" };
  }) as unknown as AuthorizedRequest;
  const mark = createReadMarks({ clock: { now: () => 0, random: () => 0, after }, request });
  return { mark, asked, pass: () => timers.splice(0).map((run) => run()) };
}

test("of marks that come shortly after each other the last of each conversation is sent, and all wait for it", async () => {
  const { mark, asked, pass } = world();
  const marks = [mark("one", "a"), mark("one", "b"), mark("two", "c"), mark("one", "d")];
  expect(asked).toEqual([]);
  pass();
  await Promise.all(marks);
  expect(asked).toEqual([
    ["/api/chat/conversations/one/read", { messageId: "d" }],
    ["/api/chat/conversations/two/read", { messageId: "c" }],
  ]);
  const later = mark("one", "e");
  pass();
  await later;
  expect(asked).toHaveLength(3);
});

test("a mark that is refused fails for everybody who waited for it, and the next is sent all the same", async () => {
  const { mark, asked, pass } = world(true);
  const marks = [mark("one", "a"), mark("one", "b")];
  const refused = Promise.all(marks.map((one) => expect(one).rejects.toThrow("refused")));
  pass();
  await refused;
  const next = expect(mark("one", "c")).rejects.toThrow("refused");
  pass();
  await next;
  expect(asked).toHaveLength(2);
});
