import { strFromU8, unzipSync, zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { toUtf8 } from "../bytes.ts";
import type { Conversation, HistoryEntry } from "../conversations.ts";
import { hastyClock } from "../testing/test-device.ts";
import { exportEverything } from "./export-everything.ts";

const archiveOf = (text: string, name = "data.json") => zipSync({ [name]: toUtf8(text) });

function conversationOf(count: number): Conversation {
  const all = Array.from({ length: count }, (_, index): HistoryEntry => {
    const place = index + 1;
    const sender = { accountId: "account", deviceId: "device" };
    return { place, messageId: `message-${place}`, state: "received", sender, text: `${place}` };
  });
  const history = async ({ after = 0, limit = 50 } = {}) => all.slice(after, after + limit);
  return { conversationId: "conversation", members: [{ accountId: "account" }], history } as never;
}

function exportOf(download: (path: string) => Promise<Uint8Array>, conversations: Conversation[] = []) {
  const list = async () => conversations;
  return exportEverything({
    download,
    fresh: (call) => call(),
    clock: hastyClock,
    conversations: { list },
  });
}

describe("an export", () => {
  it("holds the files of all services, each in its folder, and the whole history of the device", async () => {
    const archive = await exportOf(async (path) => archiveOf(path), [conversationOf(1203)]);
    const { "device/messages.json": messages, ...files } = unzipSync(archive);
    const texts = Object.entries(files).map(([name, bytes]) => [name, strFromU8(bytes)]);
    expect(Object.fromEntries(texts)).toEqual({
      "account/data.json": "/api/user/export",
      "chat/data.json": "/api/chat/export",
      "notifications/data.json": "/api/notifications/export",
    });
    const [conversation] = JSON.parse(strFromU8(messages ?? new Uint8Array()));
    const expected = Array.from({ length: 1203 }, (_, index) => `${index + 1}`);
    expect(conversation.messages.map(({ text }: HistoryEntry) => text)).toEqual(expected);
  });

  it.each(["../escape", "/etc/passwd", "a/../../b", "..", "C:\\windows", "__proto__/x", ""])(
    "refuses an archive with a file called %j, which could land anywhere",
    async (name) => {
      const archive = zipSync({ [name]: toUtf8("x") });
      await expect(exportOf(async () => archive)).rejects.toMatchObject({ code: "bad_answer" });
    },
  );

  it("refuses what is no archive", async () => {
    await expect(exportOf(async () => toUtf8("PK nothing"))).rejects.toMatchObject({ code: "bad_answer" });
    const cut = archiveOf("text".repeat(1000)).subarray(0, 60);
    await expect(exportOf(async () => cut)).rejects.toMatchObject({ code: "bad_answer" });
  });
});
