import { type ArchivePart, jsonList, jsonText, streamArchive } from "@sotto/platform/archive";
import type { ChatContext } from "../context.ts";
import { listConversations } from "../conversations/list-conversations.ts";
import { listDevicesSeen } from "../devices/device-queries.ts";
import { listBlocks } from "../people/list-blocks.ts";
import { listContacts } from "../people/list-contacts.ts";
import { getPrivacy } from "../privacy/get-privacy.ts";
import { listWaitingMessages } from "./export-queries.ts";

const PAGE = 500;

const README = `What the chat service of this installation holds about your account.

devices.json        Your devices: when each was added and last seen. Their keys are public and of no use here.
conversations.json  Your conversations and who is in them.
contacts.json       Your contacts, and requests for contacts.
blocks.json         Whom you have blocked.
privacy.json        What you let others do.
messages.json       Messages that wait for one of your devices: who sent them, when, and how large they are.

The server cannot read messages. What waits is encrypted for the device that will fetch it, and is not in here; your
history is on your devices alone. Of messages that you have sent the server keeps the encrypted content for a repeat of
the same message; it is found by the id of the message only, and goes when your account is deleted.
`;

type ExportContext = Pick<ChatContext, "db" | "clock" | "config" | "limits">;

/**
 * Everything that this service holds about the caller, as a ZIP archive that is read from the database while it is sent.
 * @throws AppError `rate_limited`, `unavailable`; later failures break off the stream.
 */
export async function exportAccount(
  context: ExportContext,
  caller: { accountId: string },
): Promise<ReadableStream<Uint8Array>> {
  await context.limits.take("export.account", caller.accountId);
  const { db } = context;
  const devices = await listDevicesSeen(db, caller.accountId);
  const privacy = await getPrivacy(context, caller);
  const page = { limit: PAGE };
  const parts: ArchivePart[] = [
    { name: "README.txt", content: [README] },
    { name: "devices.json", content: jsonText(devices.map(toExported)) },
    {
      name: "conversations.json",
      content: jsonList(
        readPages(async (after) => {
          const { conversations, next } = await listConversations(context, caller, { ...page, after });
          return { items: conversations, next };
        }),
      ),
    },
    {
      name: "contacts.json",
      content: jsonList(
        readPages(async (after) => {
          const { contacts, next } = await listContacts(context, caller, {
            ...page,
            after,
            state: undefined,
          });
          return { items: contacts, next };
        }),
      ),
    },
    {
      name: "blocks.json",
      content: jsonList(
        readPages(async (after) => {
          const { blocks, next } = await listBlocks(context, caller, { ...page, after });
          return { items: blocks, next };
        }),
      ),
    },
    { name: "privacy.json", content: jsonText(privacy) },
    { name: "messages.json", content: jsonList(readMailboxes(context, devices)) },
  ];
  return streamArchive(parts, context.clock.now());
}

type DeviceSeen = Awaited<ReturnType<typeof listDevicesSeen>>[number];

function toExported(device: DeviceSeen) {
  return {
    deviceId: device.device_id,
    registrationId: device.registration_id,
    createdAt: device.created_at,
    lastSeenAt: device.seen_at ?? device.last_seen_at,
  };
}

type Page = { items: readonly unknown[]; next: string | null };

async function* readPages(
  read: (after: string | undefined) => Promise<Page>,
): AsyncGenerator<readonly unknown[]> {
  let after: string | null | undefined;
  while (after !== null) {
    const { items, next } = await read(after);
    yield items;
    after = next;
  }
}

/** Not delivery, which never reads by a cursor: what commits late may be left out. */
async function* readMailboxes(
  { db }: Pick<ExportContext, "db">,
  devices: readonly DeviceSeen[],
): AsyncGenerator<readonly unknown[]> {
  for (const { device_id } of devices) {
    let after: number | undefined = 0;
    while (after !== undefined) {
      const page: Awaited<ReturnType<typeof listWaitingMessages>> = await listWaitingMessages(db, device_id, {
        after,
        limit: PAGE,
      });
      yield page.messages;
      after = page.next;
    }
  }
}
