// The floor of `idle`: Socket.IO by itself, with the settings of the chat service and none of its code.
import http from "node:http";
import { SOCKET_PATH } from "@sotto/contracts/socket-events";
import { Server } from "socket.io";

const server = http.createServer((_request, response) => response.end());
const io = new Server(server, {
  path: SOCKET_PATH,
  serveClient: false,
  perMessageDeflate: false,
  httpCompression: false,
  pingInterval: 25_000,
  pingTimeout: 20_000,
});
io.on("connection", () => undefined);
server.listen(Number(process.env.PORT), "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
const parent = Number(process.env.SOTTO_PARENT_PID);
setInterval(() => {
  if (process.ppid !== parent) process.exit(0);
}, 500).unref();
