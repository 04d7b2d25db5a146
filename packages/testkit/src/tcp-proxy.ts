// A TCP proxy that can fail in the ways a network does.
import net from "node:net";

export interface TcpProxy {
  readonly port: number;
  /** Ends every connection, and each new one at once. */
  cut(): void;
  /** Passes nothing on any more and closes nothing: neither side hears of it. */
  swallow(): void;
  /** New connections are passed on again. */
  mend(): void;
  close(): Promise<void>;
}

/** Passes connections on to `port` of 127.0.0.1. */
export async function startTcpProxy(port: number): Promise<TcpProxy> {
  const open = new Set<net.Socket>();
  let isCut = false;
  const track = (socket: net.Socket): void => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    // Whoever is behind it sees the close.
    socket.on("error", () => undefined);
  };
  const server = net.createServer((near) => {
    track(near);
    if (isCut) {
      near.destroy();
      return;
    }
    const far = net.connect(port, "127.0.0.1");
    track(far);
    near.on("data", (chunk) => far.write(chunk));
    far.on("data", (chunk) => near.write(chunk));
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const endAll = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: (server.address() as net.AddressInfo).port,
    cut: () => {
      isCut = true;
      endAll();
    },
    swallow: () => {
      for (const socket of open) socket.removeAllListeners("data").pause();
    },
    mend: () => {
      isCut = false;
    },
    close: async () => {
      endAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
