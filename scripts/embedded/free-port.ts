// TCP ports of 127.0.0.1 for servers that are started in a moment.
import net from "node:net";

/** Below the ports that operating systems give to outgoing connections and to whoever listens on port 0. */
const LOWEST_PORT = 10_240;
const PORTS = 22_528;
/** Nobody holds a port until its server listens: processes that look at the same time look in different places. */
const PORTS_OF_A_PROCESS = 16;

let tried = 0;

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

/** A port that was free a moment ago, and that this process has not been given before. */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < PORTS; attempt += 1) {
    const port = LOWEST_PORT + ((process.pid * PORTS_OF_A_PROCESS + tried) % PORTS);
    tried += 1;
    if (await isPortFree(port)) return port;
  }
  throw new Error(`no port of 127.0.0.1 from ${LOWEST_PORT} to ${LOWEST_PORT + PORTS - 1} is free`);
}
