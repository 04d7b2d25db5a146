import net from "node:net";
import { findFreePort } from "../embedded/postgres.ts";

/** Whether a server could listen on 127.0.0.1:`port` now. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE" || error.code === "EACCES") resolve(false);
      else reject(error);
    });
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** One port per name: the wanted one where it is free, else any. */
export async function choosePorts<Name extends string>(
  wanted: Readonly<Record<Name, number>>,
): Promise<Record<Name, number>> {
  const chosen: [string, number][] = [];
  const taken = new Set<number>();
  for (const [name, port] of Object.entries<number>(wanted)) {
    let found = port !== 0 && (await isPortFree(port)) ? port : await findFreePort();
    while (taken.has(found)) found = await findFreePort();
    taken.add(found);
    chosen.push([name, found]);
  }
  return Object.fromEntries(chosen) as Record<Name, number>;
}
