/**
 * What the server remembers of a session's refresh tokens: the generation used last, and the unused ones after it.
 * A refresh uses one token and issues one of the next generation. As long as none of those has been used, the answer may
 * have been lost, and the same token may be used again; it then gets another successor. Once a successor was used,
 * every other token of its generation or before is in two hands.
 */
export type RefreshChain = {
  readonly generation: number;
  /** Hash of the token of `generation` that was used; null before the first refresh. */
  readonly usedHash: Buffer | null;
  /** Hashes of unused tokens of `generation + 1`, oldest first. */
  readonly successorHashes: readonly Buffer[];
};

type Presented = { readonly generation: number; readonly hash: Buffer };

/** More retries than this forget the oldest successor: a bound for the row, above any number of tabs that race. */
export const MAX_SUCCESSORS = 16;

/** A chain whose first token has this hash; that token's generation is 1. */
export function startChain(firstHash: Buffer): RefreshChain {
  return { generation: 0, usedHash: null, successorHashes: [firstHash] };
}

/** `reused` means that a token this server issued was used by two: the session must end. */
export function judgeRefresh(chain: RefreshChain, token: Presented): "first-use" | "retry" | "reused" {
  const isSuccessor = chain.successorHashes.some((hash) => hash.equals(token.hash));
  if (isSuccessor && token.generation === chain.generation + 1) return "first-use";
  if (token.generation === chain.generation && chain.usedHash?.equals(token.hash)) return "retry";
  return "reused";
}

/** The chain after `token` was used, and `successorHash` issued for it. */
export function advanceChain(
  chain: RefreshChain,
  use: { judgement: "first-use" | "retry"; token: Presented; successorHash: Buffer },
): RefreshChain {
  const earlier = use.judgement === "retry" ? chain.successorHashes : [];
  return {
    generation: use.token.generation,
    usedHash: use.token.hash,
    successorHashes: [...earlier, use.successorHash].slice(-MAX_SUCCESSORS),
  };
}
