import { expect, it } from "vitest";
import { orderNodes } from "./node-choice.ts";

const nodes = ["chat-1", "chat-2", "chat-3"].map((name) => ({ name, url: `http://${name}` }));
const free = { pinned: undefined, sticky: undefined };
const names = (
  wish: typeof free | { pinned: string; sticky: undefined } | { pinned: undefined; sticky: string },
  turn: number,
) => orderNodes(nodes, wish, turn).map(({ name }) => name);

it("takes turns, with every other node to fall back on", () => {
  expect(names(free, 0)).toEqual(["chat-1", "chat-2", "chat-3"]);
  expect(names(free, 1)).toEqual(["chat-2", "chat-3", "chat-1"]);
  expect(names(free, 5)).toEqual(["chat-3", "chat-1", "chat-2"]);
});

it("stays with the node of a polling session, but can leave it", () => {
  expect(names({ pinned: undefined, sticky: "chat-3" }, 0)).toEqual(["chat-3", "chat-1", "chat-2"]);
});

it("ignores a sticky node that is no more", () => {
  expect(names({ pinned: undefined, sticky: "chat-9" }, 1)).toEqual(["chat-2", "chat-3", "chat-1"]);
});

it("takes a pinned node and no other", () => {
  expect(names({ pinned: "chat-2", sticky: undefined }, 0)).toEqual(["chat-2"]);
  expect(() => names({ pinned: "chat-9", sticky: undefined }, 0)).toThrow("There is no node of this name");
});
