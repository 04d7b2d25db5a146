// The access token of the last sign-in, so that not each command asks for the password. It lives for ten minutes.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { z } from "zod";

const stored = z.object({
  url: z.string(),
  username: z.string(),
  accessToken: z.string(),
  expiresAt: z.iso.datetime(),
});
export type StoredToken = z.infer<typeof stored>;

export type TokenFile = {
  /** The token for this installation and, when it is said, this account; undefined when there is none that lives. */
  read(wanted: { url: string; username: string | undefined; now: Date }): StoredToken | undefined;
  /** Mode 0600; replaces what was there as a whole. */
  write(token: StoredToken): void;
  remove(): void;
};

/** `<XDG_CONFIG_HOME or ~/.config>/sotto/admin-token.json` */
export function openTokenFile(env: NodeJS.ProcessEnv): TokenFile {
  const folder = path.join(env.XDG_CONFIG_HOME || path.join(os.homedir(), ".config"), "sotto");
  const file = path.join(folder, "admin-token.json");
  return {
    read({ url, username, now }) {
      const found = readStored(file);
      if (!found || found.url !== url || Date.parse(found.expiresAt) <= now.getTime()) return undefined;
      return username === undefined || found.username === username ? found : undefined;
    },
    write(token) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const scratch = `${file}.${process.pid}`;
      rmSync(scratch, { force: true });
      writeFileSync(scratch, JSON.stringify(token), { mode: 0o600, flag: "wx" });
      renameSync(scratch, file);
    },
    remove: () => rmSync(file, { force: true }),
  };
}

function readStored(file: string): StoredToken | undefined {
  try {
    return stored.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    // Absent, or not ours: the password is asked for, and the file replaced.
    return undefined;
  }
}
