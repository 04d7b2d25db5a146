import { limits } from "@sotto/contracts/limits";
import type { Block } from "@sotto/contracts/people-api";
import { AppError } from "@sotto/platform/app-error";
import { assertLiving } from "../accounts/assert-living.ts";
import type { ChatContext } from "../context.ts";
import { lockDeviceSet } from "../devices/account-lock.ts";
import { countBlocks, findBlock, insertBlock } from "./block-queries.ts";
import { lockPeople } from "./people-lock.ts";
import { noSuchAccount } from "./refusals.ts";
import { getStanding } from "./standing-queries.ts";

/**
 * Blocks an account, which does not notice: see docs/protocol.md. Once this has resolved no message of it is stored for
 * the caller's devices. A repeat gives the same answer.
 * @throws AppError `not_found` for an account without devices or that does not exist, `bad_request` for the caller's own,
 * `limit_reached`, `rate_limited`, `session_revoked`, `unavailable`: then the block may stand.
 */
export async function blockAccount(
  context: Pick<ChatContext, "db" | "clock" | "limits" | "news">,
  caller: { accountId: string },
  blockedAccountId: string,
): Promise<Block> {
  const { accountId } = caller;
  if (blockedAccountId === accountId) throw new AppError("bad_request", "An account cannot block itself.");
  await context.limits.take("blocks.account", accountId);
  const block = await context.db.transaction().execute(async (tx) => {
    await lockPeople(tx, accountId);
    await assertLiving(tx, accountId, blockedAccountId);
    const before = await findBlock(tx, accountId, blockedAccountId);
    if (before) return before;
    if (!(await getStanding(tx, accountId, blockedAccountId)).exists) throw noSuchAccount();
    if ((await countBlocks(tx, accountId)) >= limits.blocksPerAccount) {
      throw new AppError("limit_reached", "The account has blocked as many as it can.", {
        details: { blocks: limits.blocksPerAccount },
      });
    }
    const made = { accountId: blockedAccountId, blockedAt: context.clock.now() };
    await insertBlock(tx, accountId, made);
    return made;
  });
  context.news.tell([accountId]);
  await outwaitStorers(context, accountId);
  return { accountId: block.accountId, blockedAt: block.blockedAt.toISOString() };
}

/** Waits until every message that was looked at before the block stood has been stored; later ones see it. */
async function outwaitStorers({ db }: Pick<ChatContext, "db">, accountId: string): Promise<void> {
  await db.transaction().execute((tx) => lockDeviceSet(tx, accountId));
}
