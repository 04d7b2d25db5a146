import { AppError } from "@sotto/platform/app-error";
import type { Backend } from "../config.ts";

export interface Wish {
  /** Only this node will do; for tests. */
  readonly pinned: string | undefined;
  /** The node that holds the caller's Socket.IO polling session. */
  readonly sticky: string | undefined;
}

/**
 * The nodes to try, in this order: round robin, but the sticky one first. Throws `bad_request` when the pinned
 * node does not exist.
 */
export function orderNodes(nodes: readonly Backend[], { pinned, sticky }: Wish, turn: number): Backend[] {
  if (pinned !== undefined) {
    const node = nodes.find(({ name }) => name === pinned);
    if (node === undefined)
      throw new AppError(
        "bad_request",
        `There is no node of this name; there are ${nodes.map((n) => n.name).join(", ")}.`,
      );
    return [node];
  }
  const first = turn % nodes.length;
  const rotated = [...nodes.slice(first), ...nodes.slice(0, first)];
  const held = rotated.filter(({ name }) => name === sticky);
  return [...held, ...rotated.filter(({ name }) => name !== sticky)];
}
