import { expect, test, vi } from "vitest";
import { DeviceConnection } from "../delivery/device-connection.ts";
import type { ListNews } from "../delivery/node-link.ts";
import { createNotificationNews } from "./notification-news.ts";

const event = (number: number) => `0190a1b2-0000-7000-8000-${String(number).padStart(12, "0")}`;
const news = (unread: number, number: number, accountId = "ann"): ListNews => ({
  ...{ accountId, unread },
  eventId: event(number),
});

/** One node where "ann" has a device, and what was told of her list, here and to the other nodes. */
function createNews() {
  const told: number[] = [];
  const linked: ListNews[][] = [];
  const sink = { notificationsChanged: (unread: number) => told.push(unread) } as never;
  const device = {
    accountId: "ann",
    deviceId: "d",
    connectionId: "c",
    sessionId: "s",
    expiresAt: new Date(0),
  };
  const connection = new DeviceConnection(device, 1, sink);
  const listNews = createNotificationNews({
    connections: { ofAccount: (accountId) => (accountId === "ann" ? [connection] : []) },
    link: { lists: (told) => linked.push([...told]) },
  });
  return { listNews, told, linked, connection };
}

test("of many changes of one moment the newest is told, in whatever order they came, here and to the other nodes", async () => {
  const { listNews, told, linked } = createNews();
  for (const number of [1, 3, 2]) listNews.tell(news(number, number));
  listNews.tell(news(7, 1, "elsewhere"));
  expect(told).toEqual([]);
  await vi.waitFor(() => expect(linked).toEqual([[news(3, 3), news(7, 1, "elsewhere")]]));
  expect(told).toEqual([3]);
});

test("a device is told nothing that is older than what it was told last, nor the same again", () => {
  const { listNews, told, linked } = createNews();
  listNews.pass([news(2, 2)]);
  listNews.pass([news(1, 1), news(2, 2)]);
  listNews.pass([news(0, 3)]);
  expect([told, linked]).toEqual([[2, 0], []]);
});

test("a connection that has ended is told nothing more", () => {
  const { listNews, told, connection } = createNews();
  connection.close();
  listNews.pass([news(2, 2)]);
  expect(told).toEqual([]);
});

test("what waits when the node stops is told", () => {
  const { listNews, told } = createNews();
  listNews.tell(news(1, 1));
  listNews.stop();
  expect(told).toEqual([1]);
});
