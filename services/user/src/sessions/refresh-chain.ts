/**
 * What the server remembers of a session's refresh tokens: the one used last, and its unused successors.
 * A refresh uses one token and issues a successor. As long as no successor has been used, the answer may have been lost,
 * and the same token may be used again; it then gets another successor. Once a successor was used, every other token
 * that the session ever had is in two hands.
 */
export type RefreshChain = {
  /** Null before the first refresh. */
  readonly usedHash: Buffer | null;
  /** Oldest first. */
  readonly successorHashes: readonly Buffer[];
};

/** More retries than this forget the oldest successor: a bound for the row, above any number of tabs that race. */
export const MAX_SUCCESSORS = 16;

/** A chain whose first token has this hash. */
export function startChain(firstHash: Buffer): RefreshChain {
  return { usedHash: null, successorHashes: [firstHash] };
}

/** Judges a token that this session did issue, by its hash. `reused` means that two hold it: the session must end. */
export function judgeRefresh(chain: RefreshChain, hash: Buffer): "first-use" | "retry" | "reused" {
  if (chain.successorHashes.some((successor) => successor.equals(hash))) return "first-use";
  return chain.usedHash?.equals(hash) ? "retry" : "reused";
}

/** The chain after the token of `usedHash` was used, and that of `successorHash` issued for it. */
export function advanceChain(
  chain: RefreshChain,
  use: { judgement: "first-use" | "retry"; usedHash: Buffer; successorHash: Buffer },
): RefreshChain {
  const earlier = use.judgement === "retry" ? chain.successorHashes : [];
  return {
    usedHash: use.usedHash,
    successorHashes: [...earlier, use.successorHash].slice(-MAX_SUCCESSORS),
  };
}
