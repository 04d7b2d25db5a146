// Mails as files: one .eml each, named so that the names sort by arrival.
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import path from "node:path";

export interface StoredMail {
  /** Also the file name without its extension. */
  readonly id: string;
  readonly receivedAt: Date;
  readonly raw: Buffer;
}

export interface MailStore {
  /** Resolves when the mail is on disk to stay. */
  add(raw: Buffer): Promise<string>;
  /** Ids, newest first. */
  list(): string[];
  find(id: string): StoredMail | undefined;
}

const ID = /^\d{13}-\d{6}$/;
/** Older mails make room for newer ones. */
const MAX_MAILS = 500;

async function sync(target: string): Promise<void> {
  const handle = await open(target, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Keeps the newest 500 mails in `folder`, which is made when missing. `now` is milliseconds since 1970. */
export function openMailStore(folder: string, now: () => number): MailStore {
  mkdirSync(folder, { recursive: true });
  const fileOf = (id: string): string => path.join(folder, `${id}.eml`);
  const ids = readdirSync(folder)
    .filter((name) => name.endsWith(".eml"))
    .map((name) => name.slice(0, -".eml".length))
    .filter((id) => ID.test(id))
    .sort();
  let lastId = ids.at(-1) ?? "";

  /** Greater than every id before, also when the clock was set back. */
  const nextId = (): string => {
    const [lastMs = "0", lastCount = "0"] = lastId.split("-");
    const ms = Math.max(now(), Number(lastMs));
    const count = ms === Number(lastMs) ? Number(lastCount) + 1 : 0;
    lastId = `${String(ms).padStart(13, "0")}-${String(count).padStart(6, "0")}`;
    return lastId;
  };

  return {
    add: async (raw) => {
      const id = nextId();
      const scratch = `${fileOf(id)}.new`;
      const handle = await open(scratch, "w", 0o600);
      try {
        await handle.writeFile(raw);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(scratch, fileOf(id));
      await sync(folder);
      ids.push(id);
      // Two mails at once may have been written in the other order.
      ids.sort();
      while (ids.length > MAX_MAILS) await rm(fileOf(ids.shift() ?? ""), { force: true });
      return id;
    },
    list: () => ids.toReversed(),
    find: (id) => {
      if (!ids.includes(id)) return undefined;
      return { id, receivedAt: new Date(Number(id.slice(0, 13))), raw: readFileSync(fileOf(id)) };
    },
  };
}
