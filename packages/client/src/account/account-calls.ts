import type { AuthorizedRequest } from "../api/chat-api.ts";
import type { Http } from "../api/http.ts";
import type { FreshCall } from "./fresh-calls.ts";

/** What the parts of `client.account` share. */
export type AccountCalls = {
  readonly http: Http;
  readonly request: AuthorizedRequest;
  /** As the signed-in account: a ZIP file. */
  readonly download: (path: string) => Promise<Uint8Array>;
  readonly fresh: FreshCall;
  /** This session was ended by what the user did here. */
  readonly leave: () => Promise<void>;
  /** The session of this store. */
  readonly currentSessionId: () => string | undefined;
};
