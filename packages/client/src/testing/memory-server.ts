import type {
  PrekeyStock,
  RegisterDeviceRequest,
  SignedDeviceList,
  UploadPrekeysRequest,
  WirePrekeyBundle,
} from "@sotto/contracts/device-api";
import type {
  Conversation,
  DeviceMismatch,
  InboxEnvelope,
  SendMessageRequest,
} from "@sotto/contracts/message-api";
import type { AuthorizedRequest, ChatApi } from "../api/chat-api.ts";
import { fromBase64, fromUtf8 } from "../bytes.ts";
import { isoTime } from "../clock.ts";
import { SottoError } from "../sotto-error.ts";

type Account = {
  readonly username: string;
  accountKey: string;
  lists: SignedDeviceList[];
  readonly devices: Map<string, RegisterDeviceRequest>;
};

export type Call = { readonly name: keyof ChatApi; readonly deviceId: string };

/**
 * The chat service as its contract describes it, in memory, for tests of one client's parts: exact device sets,
 * idempotent sends, mailboxes that are drained by acknowledging. `before` and `after` may throw, to lose a request or
 * its answer.
 */
export class MemoryServer {
  readonly accounts = new Map<string, Account>();
  readonly #conversations = new Map<string, Conversation>();
  readonly #sent = new Map<string, { body: string; acceptedAt: string }>();
  readonly mailboxes = new Map<string, InboxEnvelope[]>();
  readonly accepted: SendMessageRequest[] = [];
  readonly acknowledged: number[] = [];
  before: (call: Call) => void = () => {};
  after: (call: Call) => void = () => {};
  #lastEnvelopeId = 0;
  #ids = 0;

  addAccount(accountId: string, username: string): void {
    this.accounts.set(accountId, { username, accountKey: "", lists: [], devices: new Map() });
  }

  /** What one device of an account can call. */
  chatOf(accountId: string, deviceId: string): ChatApi {
    const api = this.#routes(accountId, deviceId);
    const entries = Object.entries(api).map(([name, route]) => {
      const call = { name: name as keyof ChatApi, deviceId };
      const wrapped = async (...args: never[]) => {
        this.before(call);
        const answer = await (route as (...args: never[]) => Promise<unknown>)(...args);
        this.after(call);
        return structuredClone(answer);
      };
      return [name, wrapped];
    });
    return Object.fromEntries(entries) as ChatApi;
  }

  /** The account search of the user service. */
  readonly request: AuthorizedRequest = async ({ path, answer }) => {
    const prefix = new URL(path, "http://test").searchParams.get("prefix") ?? "";
    const accounts = [...this.accounts]
      .filter(([, { username }]) => username.startsWith(prefix))
      .map(([accountId, { username }]) => ({ accountId, username, displayName: null }));
    if (answer === undefined) throw new TypeError(`No such route here: ${path}`);
    return answer.parse({ accounts });
  };

  #routes(accountId: string, deviceId: string): ChatApi {
    return {
      ...this.#deviceRoutes(accountId),
      ...this.#prekeyRoutes(),
      openDirect: async (_device, peerId) => this.#openDirect(accountId, peerId),
      sendMessage: async (_device, body) => this.#send(accountId, deviceId, body),
      inbox: async () => ({ envelopes: (this.mailboxes.get(deviceId) ?? []).slice(0, 50), gap: null }),
      acknowledge: async (_device, ids) => {
        this.acknowledged.push(...ids);
        const left = (this.mailboxes.get(deviceId) ?? []).filter(
          ({ envelopeId }) => !ids.includes(envelopeId),
        );
        this.mailboxes.set(deviceId, left);
      },
      acknowledgeGap: async () => {},
    };
  }

  #deviceRoutes(accountId: string) {
    return {
      listOwnDeviceIds: async () => [...this.#account(accountId).devices.keys()],
      bindDevice: async () => {},
      registerDevice: async (body: RegisterDeviceRequest) => {
        const account = this.#account(accountId);
        account.accountKey = body.accountKey;
        account.lists.push(body.deviceList);
        account.devices.set(body.deviceId, structuredClone(body));
      },
      accountDevices: async (_device: string, wanted: string, since: number) => {
        const { accountKey, lists } = this.#account(wanted);
        const newer = lists.filter((list) => versionOf(list) > since);
        return { accountId: wanted, accountKey, deviceLists: newer };
      },
    };
  }

  #prekeyRoutes() {
    return {
      claimPrekeys: async (_device: string, accountId: string, deviceIds: readonly string[]) => {
        const { devices } = this.#account(accountId);
        if (!deviceIds.some((id) => devices.has(id))) throw new SottoError("not_found", "no such devices");
        return deviceIds.flatMap((id) => {
          const device = devices.get(id);
          return device === undefined ? [] : [takeBundle(device)];
        });
      },
      prekeyStock: async (deviceId: string): Promise<PrekeyStock> => {
        const device = this.#device(deviceId);
        const [ec, kem] = [device.oneTimePrekeys.length, device.oneTimeKemPrekeys.length];
        return { ec, kem, lastResortUsed: 0 };
      },
      uploadPrekeys: async (deviceId: string, body: UploadPrekeysRequest) => {
        Object.assign(this.#device(deviceId), structuredClone(body));
      },
      checkPrekeys: async () => {},
    };
  }

  #openDirect(ownId: string, peerId: string): Conversation {
    const members = [ownId, peerId].sort();
    const key = members.join();
    const known = this.#conversations.get(key);
    if (known !== undefined) return known;
    this.#ids += 1;
    const conversationId = `00000000-0000-7000-8000-${String(this.#ids).padStart(12, "0")}`;
    const made: Conversation = {
      conversationId,
      kind: "direct",
      members,
      createdAt: isoTime(0),
      readAt: null,
      muted: null,
    };
    this.#conversations.set(key, made);
    return made;
  }

  #send(accountId: string, deviceId: string, body: SendMessageRequest) {
    const text = JSON.stringify(body);
    const known = this.#sent.get(`${deviceId}/${body.messageId}`);
    if (known !== undefined && known.body !== text)
      throw new SottoError("idempotency_conflict", "another body");
    if (known !== undefined) return { messageId: body.messageId, acceptedAt: known.acceptedAt };
    const mismatch = this.#findMismatch(body, deviceId);
    if (mismatch.length > 0) throw new SottoError("device_mismatch", "mismatch", { details: mismatch });
    const acceptedAt = isoTime(this.accepted.length);
    this.#sent.set(`${deviceId}/${body.messageId}`, { body: text, acceptedAt });
    this.accepted.push(structuredClone(body));
    for (const { devices } of body.recipients) {
      for (const target of devices) {
        this.#lastEnvelopeId += 1;
        const { messageId, conversationId, content } = body;
        this.deliver(target.deviceId, {
          envelopeId: this.#lastEnvelopeId,
          messageId,
          conversationId,
          senderAccountId: accountId,
          senderDeviceId: deviceId,
          acceptedAt,
          content,
          envelope: target.envelope,
        });
      }
    }
    return { messageId: body.messageId, acceptedAt };
  }

  deliver(deviceId: string, envelope: InboxEnvelope): void {
    this.mailboxes.set(deviceId, [...(this.mailboxes.get(deviceId) ?? []), envelope]);
  }

  #findMismatch({ recipients }: SendMessageRequest, senderDeviceId: string): DeviceMismatch {
    return recipients.flatMap(({ accountId, devices }) => {
      const actual = [...this.#account(accountId).devices.values()].filter(
        (device) => device.deviceId !== senderDeviceId,
      );
      const missing = actual.filter(({ deviceId }) => !devices.some((sent) => sent.deviceId === deviceId));
      const extra = devices.filter(({ deviceId }) => !actual.some((device) => device.deviceId === deviceId));
      const stale = actual.filter(({ deviceId, registrationId }) =>
        devices.some((sent) => sent.deviceId === deviceId && sent.registrationId !== registrationId),
      );
      if (missing.length + extra.length + stale.length === 0) return [];
      const toIds = ({ deviceId, registrationId }: { deviceId: string; registrationId: number }) => ({
        deviceId,
        registrationId,
      });
      return [
        {
          accountId,
          missing: missing.map(toIds),
          extra: extra.map(({ deviceId }) => deviceId),
          stale: stale.map(toIds),
        },
      ];
    });
  }

  #account(accountId: string): Account {
    const account = this.accounts.get(accountId);
    if (account === undefined) throw new SottoError("not_found", "no such account");
    return account;
  }

  #device(deviceId: string): RegisterDeviceRequest {
    for (const { devices } of this.accounts.values()) {
      const device = devices.get(deviceId);
      if (device !== undefined) return device;
    }
    throw new SottoError("not_found", "no such device");
  }
}

function versionOf(list: SignedDeviceList): number {
  return (JSON.parse(fromUtf8(fromBase64(list.bytes))) as { version: number }).version;
}

function takeBundle(device: RegisterDeviceRequest): WirePrekeyBundle {
  const { deviceId, registrationId, identityKey, signedPrekey } = device;
  const oneTimePrekey = device.oneTimePrekeys.shift();
  const kemPrekey = device.oneTimeKemPrekeys.shift();
  return {
    deviceId,
    registrationId,
    identityKey,
    signedPrekey,
    ...(oneTimePrekey === undefined ? {} : { oneTimePrekey }),
    kemPrekey: kemPrekey ?? device.lastResortKemPrekey,
    kemIsLastResort: kemPrekey === undefined,
  };
}
