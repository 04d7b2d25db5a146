import { E2eeError } from "./errors.ts";

/** The part of the Web Locks API that is used here; `navigator.locks` fits. */
export type Locks = {
  request(
    name: string,
    options: { ifAvailable: boolean },
    callback: (lock: object | null) => Promise<void>,
  ): Promise<unknown>;
};

/**
 * Takes the right to use a store, so that no second tab encrypts with the same ratchet keys. Lasts until
 * `release` is called or the tab ends. Throws `store_taken` at once when another tab has it.
 * In Node a store on disk locks its own file instead: these locks end at the process.
 */
export async function claimStore(name: string, locks: Locks): Promise<{ release(): void }> {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: granted, resolve: grant, reject: refuse } = Promise.withResolvers<void>();
  locks
    .request(`sotto/${name}`, { ifAvailable: true }, async (lock) => {
      if (lock === null) {
        refuse(new E2eeError("store_taken", "another tab uses this store"));
        return;
      }
      grant();
      await released;
    })
    .catch(refuse);
  await granted;
  return { release };
}
