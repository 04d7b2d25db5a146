import type { DeviceStore } from "@sotto/e2ee/store";
import { SottoError } from "../sotto-error.ts";

/** Stands in for `sqlite-store.ts` in bundles for browsers (`imports` in package.json), which have no `node:sqlite`. */
export async function openSqliteStore(_path: string): Promise<DeviceStore> {
  throw new SottoError("store_unavailable", "sqliteStore needs Node: browsers have no files");
}
