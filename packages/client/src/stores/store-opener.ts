import type { DeviceStore } from "@sotto/e2ee/store";

/** What `createClient` takes as `store`: opens it, and owns it until `close()`. */
export type StoreOpener = { open(): Promise<DeviceStore> };
