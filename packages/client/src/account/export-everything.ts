import { type Unzipped, unzipSync, type Zippable, zipSync } from "fflate";
import { toUtf8 } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import type { Conversations, HistoryEntry, Member } from "../conversations.ts";
import { SottoError } from "../sotto-error.ts";
import type { AccountCalls } from "./account-calls.ts";

type Deps = Pick<AccountCalls, "download" | "fresh"> & {
  readonly clock: Pick<Clock, "now">;
  readonly conversations: Pick<Conversations, "list">;
};

/** What `device/messages.json` is a list of. */
export type ExportedConversation = {
  readonly conversationId: string;
  readonly members: readonly Member[];
  /** Oldest first. */
  readonly messages: readonly HistoryEntry[];
};

/** Folder of the archive to where its files come from; the first one has the audit entry and the tightest limit, so last. */
const archives = [
  ["chat", "/api/chat/export"],
  ["notifications", "/api/notifications/export"],
  ["account", "/api/user/export"],
] as const;

/** No file of ours is called otherwise, and none of these leads out of the folder that it is unpacked to. */
const FILE_NAME = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
const PAGE = 500;

/**
 * One ZIP file with everything: a folder for what each service knows, and `device/messages.json`, the history that only
 * this device can read. It is held in memory as a whole. Throws `bad_answer` for what is no such archive.
 */
export async function exportEverything({ download, fresh, clock, conversations }: Deps): Promise<Uint8Array> {
  const files: Zippable = {};
  for (const [folder, path] of archives) {
    const archive = await fresh(() => download(path));
    for (const [name, bytes] of Object.entries(unpack(archive, path))) files[`${folder}/${name}`] = bytes;
  }
  const history = await readHistory(conversations);
  files["device/messages.json"] = toUtf8(JSON.stringify(history, undefined, 2));
  return zipSync(files, { mtime: clock.now() });
}

function unpack(archive: Uint8Array, path: string): Unzipped {
  const refuse = (cause?: unknown) =>
    new SottoError("bad_answer", `The archive of ${path} is not as agreed`, { cause });
  try {
    const files = unzipSync(archive);
    if (!Object.keys(files).every((name) => FILE_NAME.test(name))) throw refuse();
    return files;
  } catch (cause) {
    throw cause instanceof SottoError ? cause : refuse(cause);
  }
}

async function readHistory(conversations: Pick<Conversations, "list">): Promise<ExportedConversation[]> {
  const exported: ExportedConversation[] = [];
  for (const { conversationId, members, history } of await conversations.list()) {
    const messages: HistoryEntry[] = [];
    let page: HistoryEntry[];
    do {
      page = await history({ after: messages.at(-1)?.place ?? 0, limit: PAGE });
      messages.push(...page);
    } while (page.length === PAGE);
    exported.push({ conversationId, members, messages });
  }
  return exported;
}
