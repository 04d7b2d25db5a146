import { expect, test, vi } from "vitest";
import { createPeopleNews } from "./people-news.ts";

/** News of one node where "ann" and "ben" have a device each, and what was told of them. */
function createNews() {
  const told: string[] = [];
  const linked: string[][] = [];
  const forgotten: string[] = [];
  const news = createPeopleNews({
    connections: {
      ofAccount: (accountId) =>
        ["ann", "ben"].includes(accountId)
          ? [{ sink: { peopleChanged: () => told.push(accountId) } } as never]
          : [],
    },
    link: { people: (accountIds) => linked.push([...accountIds]) },
    audiences: { forget: (accountIds) => forgotten.push(...accountIds) },
  });
  return { news, told, linked, forgotten };
}

test("many changes of one moment are one signal for each device, and one word to the other nodes", async () => {
  const { news, told, linked } = createNews();
  for (let change = 0; change < 1000; change += 1) news.tell(["ann", "ben", "elsewhere"]);
  expect(told).toEqual([]);
  await vi.waitFor(() => expect(linked).toEqual([["ann", "ben", "elsewhere"]]));
  expect(told).toEqual(["ann", "ben"]);
});

test("what was remembered of an account is forgotten at once, before anybody is told", () => {
  const { news, told, forgotten } = createNews();
  news.tell(["ann"]);
  expect([forgotten, told]).toEqual([["ann"], []]);
  news.stop();
  expect(told).toEqual(["ann"]);
});

test("what another node tells is told here, and to no other node", () => {
  const { news, told, linked, forgotten } = createNews();
  news.pass(["ben"]);
  news.tell([]);
  news.stop();
  expect([forgotten, told, linked]).toEqual([["ben"], ["ben"], []]);
});
