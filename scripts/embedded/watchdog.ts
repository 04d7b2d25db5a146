// Ends a PostgreSQL server when the process that started it is gone, however it went: kill -9 gives nobody a
// chance to clean up. The starter holds the other end of our stdin; the kernel closes it when the starter dies.
// Arguments: pid, start moment of the server, then folders to delete after it has ended.
import { rmSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { stopServer } from "./stop-server.ts";

async function guard([pid, startedAt, ...folders]: string[]): Promise<void> {
  process.stdin.resume();
  await new Promise((resolve) => process.stdin.once("close", resolve));
  await stopServer({ pid: Number(pid), startedAt: startedAt ?? "" });
  for (const folder of folders)
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await guard(process.argv.slice(2));
