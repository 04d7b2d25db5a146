// People who know each other, as rows and as a plan for the load generator.
import type { TokenMaker } from "@sotto/testkit/access-tokens";
import { introduce, populate, type Resident } from "@sotto/testkit/population";
import type { BenchDatabase } from "./ground.ts";
import type { LoadUser } from "./load/load-plan.ts";

export interface Acquaintance {
  readonly conversationId: string;
  readonly sender: Resident;
  readonly recipient: Resident;
}

export interface Village {
  readonly residents: readonly Resident[];
  /** Who may write to whom; both directions of a conversation, where both write. */
  readonly acquaintances: readonly Acquaintance[];
}

/** Longer than any measurement. */
const TOKEN_SECONDS = 24 * 3600;

/** `count` people, a direct conversation for each pair of them. */
export async function settleVillage({ owner }: BenchDatabase, count: number): Promise<Village> {
  const residents = await populate(owner, count);
  const pairs = residents.flatMap((a, index) => residents.slice(index + 1).map((b) => [a, b] as const));
  const ids = await introduce(owner, pairs);
  await owner.query("analyze");
  const acquaintances = pairs.flatMap(([a, b], index) => {
    const conversationId = ids[index] ?? "";
    return [
      { conversationId, sender: a, recipient: b },
      { conversationId, sender: b, recipient: a },
    ];
  });
  return { residents, acquaintances };
}

/** `writers` people who write to `readers` others, and a conversation for each of their pairs. */
export async function settleWritersAndReaders(
  { owner }: BenchDatabase,
  writers: number,
  readers: number,
): Promise<Village> {
  const residents = await populate(owner, writers + readers);
  const pairs = residents
    .slice(0, writers)
    .flatMap((writer) => residents.slice(writers).map((reader) => [writer, reader] as const));
  const ids = await introduce(owner, pairs);
  await owner.query("analyze");
  const acquaintances = pairs.map(([sender, recipient], index) => ({
    conversationId: ids[index] ?? "",
    sender,
    recipient,
  }));
  return { residents, acquaintances };
}

/** The village as users of the load generator, dealt out to the nodes in turn. */
export async function toLoadUsers(
  { residents, acquaintances }: Village,
  tokens: TokenMaker,
  nodeUrls: readonly string[],
  startsConnected: (index: number) => boolean = () => true,
): Promise<LoadUser[]> {
  const indexOf = new Map(residents.map(({ deviceId }, index) => [deviceId, index]));
  const partners = residents.map((): { conversationId: string; user: number }[] => []);
  for (const { conversationId, sender, recipient } of acquaintances)
    partners[indexOf.get(sender.deviceId) ?? -1]?.push({
      conversationId,
      user: indexOf.get(recipient.deviceId) ?? -1,
    });
  return await Promise.all(
    residents.map(async (resident, index) => ({
      url: nodeUrls[index % nodeUrls.length] ?? "",
      startsConnected: startsConnected(index),
      token: await tokens.sign(resident.accountId, resident.sessionId, { lifetimeSeconds: TOKEN_SECONDS }),
      accountId: resident.accountId,
      deviceId: resident.deviceId,
      registrationId: resident.registrationId,
      partners: partners[index] ?? [],
    })),
  );
}
