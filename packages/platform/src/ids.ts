import { v7 } from "uuid";

export interface Ids {
  /** UUIDv7 (RFC 9562 section 5.7), increasing within this process. */
  uuidv7(): string;
}

export const systemIds: Ids = { uuidv7: () => v7() };
