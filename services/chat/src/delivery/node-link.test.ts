import { createLogger } from "@sotto/platform/log";
import { createMetrics } from "@sotto/platform/metrics";
import { v7 } from "uuid";
import { expect, test, vi } from "vitest";
import { createChatMetrics } from "../chat-metrics.ts";
import { createNodeLink, type TypingNews } from "./node-link.ts";

/** A link, and the notifications that it sent. */
function link(isCongested = () => false) {
  const sent: [string, ...unknown[]][] = [];
  const created = createNodeLink({
    io: { serverSideEmit: (kind: string, ...values: unknown[]) => sent.push([kind, ...values]) > 0 },
    log: createLogger({ service: "test", level: "silent" }),
    figures: createChatMetrics(createMetrics()),
    isCongested,
  });
  return { ...created, sent };
}

const change = (conversationId: string, accountId: string, active: boolean) => ({
  ...{ conversationId, accountId, active },
});

test("of the changes of typing of a moment the last of each person and conversation is told, in one notification", async () => {
  const { typing, sent } = link();
  for (let index = 0; index < 1001; index += 1) typing(["ann"], change("c1", "ben", index % 2 === 0));
  typing(["ann"], change("c2", "ben", false));
  expect(sent).toEqual([]);
  await vi.waitFor(() => expect(sent).not.toEqual([]));
  expect(sent).toEqual([
    [
      "node:typing",
      [
        [change("c1", "ben", true), ["ann"]],
        [change("c2", "ben", false), ["ann"]],
      ],
    ],
  ]);
});

test("however many type, a notification is smaller than PostgreSQL allows, and no more wait than a bound", () => {
  const { typing, stop, sent } = link();
  const others = Array.from({ length: 20 }, () => v7());
  for (let index = 0; index < 10_000; index += 1)
    typing(others.slice(0, 1 + (index % 20)), change(v7(), v7(), true));
  stop();
  for (const notification of sent) expect(JSON.stringify(notification).length).toBeLessThan(7000);
  expect(sent.flatMap(([, news]) => news as TypingNews[])).toHaveLength(5000);
});

test("while notifications wait for a connection nothing more is added to them", () => {
  let isCongested = true;
  const { mail, typing, close, connected, keysLow, stop, sent } = link(() => isCongested);
  const device = { deviceId: "d", sessionId: "s" };
  const tellAll = () => {
    mail(["d"]);
    typing(["ann"], change("c", "ben", true));
    close(device, "superseded");
    connected("d", "connection");
    keysLow("d", { oneTimePrekeys: 1, oneTimeKemPrekeys: 1 } as never);
    stop();
  };
  tellAll();
  expect(sent).toEqual([]);
  isCongested = false;
  tellAll();
  expect(sent).toHaveLength(5);
});
