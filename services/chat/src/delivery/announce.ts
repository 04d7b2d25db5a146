import type { Connections } from "./connections.ts";
import type { TypingChange } from "./device-connection.ts";
import type { NodeLink } from "./node-link.ts";

/** Tells connected devices of these accounts, on this node and on the others. */
export function announceTo(
  deps: { connections: Connections; link: Pick<NodeLink, "typing"> },
  accountIds: readonly string[],
  change: TypingChange,
): void {
  announceHere(deps, accountIds, change);
  deps.link.typing([...accountIds], change);
}

export function announceHere(
  deps: { connections: Connections },
  accountIds: readonly string[],
  change: TypingChange,
): void {
  for (const accountId of accountIds) {
    for (const { sink } of deps.connections.ofAccount(accountId)) sink.typing(change);
  }
}
