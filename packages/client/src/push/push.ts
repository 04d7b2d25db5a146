import { type PushSubscriptionRequest, pushKey } from "@sotto/contracts/notification-api";
import { type ClientContext, getOwnAccount } from "../client-context.ts";

/** How this device is woken while it is not connected. A push says that messages wait, and nothing else. */
export type Push = {
  /** The `applicationServerKey` for `PushManager.subscribe`: base64url of 65 bytes. Subscribe anew when it has changed. */
  key(): Promise<string>;
  /**
   * Has this device woken at `subscription`, which takes the place of what it had: `PushSubscription.toJSON()` of a browser,
   * or what a UnifiedPush distributor gave. Say it at every start; the same once more changes nothing. Throws
   * `not_signed_in`, `bad_request`.
   */
  subscribe(subscription: PushTarget): Promise<void>;
  /** Has this device woken no more. Signing out does so as well. Throws `not_signed_in`. */
  unsubscribe(): Promise<void>;
};

/** Fields beside these, as `expirationTime`, stay here. */
export type PushTarget = {
  readonly endpoint?: string | undefined;
  readonly keys?: Readonly<Record<string, string>> | undefined;
};

/** `client.push`. */
export function createPush({ request, store }: Pick<ClientContext, "request" | "store">): Push {
  const own = async () => `/api/notifications/push-subscriptions/${(await getOwnAccount(store)).deviceId}`;
  return {
    async key() {
      const path = "/api/notifications/push-key";
      return (await request({ method: "GET", path, answer: pushKey })).applicationServerKey;
    },
    async subscribe({ endpoint = "", keys: { p256dh = "", auth = "" } = {} }) {
      const body: PushSubscriptionRequest = { endpoint, keys: { p256dh, auth } };
      await request({ method: "PUT", path: await own(), body });
    },
    async unsubscribe() {
      await request({ method: "DELETE", path: await own() });
    },
  };
}
