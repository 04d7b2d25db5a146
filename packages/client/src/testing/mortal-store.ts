import type { DeviceStore } from "@sotto/e2ee/store";

export type MortalStore = DeviceStore & { readonly hasDied: boolean };

type Death = { readonly atCommit: number; readonly isWritten: boolean };
const never: Death = { atCommit: 0, isWritten: false };

/**
 * A view of a store whose process dies around one commit: before the write reaches the disk, or after it did and
 * before anybody learns of it. From then on nothing works, as in a process that is gone; `survivor` is what the next
 * process opens.
 */
export function mortalStore(survivor: DeviceStore, dies: Death = never): MortalStore {
  let commits = 0;
  let isDead = false;
  const assertAlive = () => {
    if (isDead) throw new Error("this process is dead");
  };
  return {
    get hasDied() {
      return isDead;
    },
    async get(table, key) {
      assertAlive();
      return survivor.get(table, key);
    },
    async list(table, range) {
      assertAlive();
      return survivor.list(table, range);
    },
    async commit(writes) {
      assertAlive();
      commits += 1;
      if (commits !== dies.atCommit) return survivor.commit(writes);
      if (dies.isWritten) await survivor.commit(writes);
      isDead = true;
      throw new Error("this process dies here");
    },
    async close() {},
  };
}
