import {
  type AccountDevices,
  accountDevices,
  claimedPrekeys,
  ownDevices,
  type PrekeyStock,
  prekeyStock,
  type RegisterDeviceRequest,
  type UploadPrekeysRequest,
  type WirePrekeyBundle,
} from "@sotto/contracts/device-api";
import {
  acknowledged,
  type Conversation,
  conversation,
  DEVICE_HEADER,
  type InboxPage,
  inboxPage,
  type MessageAccepted,
  messageAccepted,
  type SendMessageRequest,
} from "@sotto/contracts/message-api";
import type { Request } from "./http.ts";

/** Calls as the signed-in account; adds the token, and renews it once when it is refused. */
export type AuthorizedRequest = <T>(request: Request<T>, headers?: Record<string, string>) => Promise<T>;

export type ChatApi = ReturnType<typeof createChatApi>;

/** The routes of the chat service that the SDK uses. Errors: see `Http`. */
export function createChatApi(request: AuthorizedRequest) {
  return { ...deviceRoutes(request), ...messageRoutes(request) };
}

function as(deviceId: string): Record<string, string> {
  return { [DEVICE_HEADER]: deviceId };
}

function deviceRoutes(request: AuthorizedRequest) {
  const devices = "/api/chat/devices";
  return {
    async listOwnDeviceIds(): Promise<string[]> {
      const answer = await request({ method: "GET", path: devices, answer: ownDevices });
      return answer.devices.map((device) => device.deviceId);
    },
    registerDevice: (body: RegisterDeviceRequest): Promise<void> =>
      request({ method: "POST", path: devices, body }),
    bindDevice: (deviceId: string, proof: string): Promise<void> =>
      request({ method: "PUT", path: `${devices}/${deviceId}/session`, body: { proof } }),
    accountDevices: (deviceId: string, accountId: string, since: number): Promise<AccountDevices> =>
      request(
        {
          method: "GET",
          path: `/api/chat/accounts/${accountId}/devices?since=${since}`,
          answer: accountDevices,
        },
        as(deviceId),
      ),
    async claimPrekeys(deviceId: string, accountId: string, deviceIds: readonly string[]) {
      const path = `/api/chat/accounts/${accountId}/prekeys`;
      const answer = await request(
        { method: "POST", path, body: { deviceIds }, answer: claimedPrekeys },
        as(deviceId),
      );
      return answer.bundles as WirePrekeyBundle[];
    },
    prekeyStock: (deviceId: string): Promise<PrekeyStock> =>
      request({ method: "GET", path: `${devices}/${deviceId}/prekeys`, answer: prekeyStock }, as(deviceId)),
    uploadPrekeys: (deviceId: string, body: UploadPrekeysRequest): Promise<void> =>
      request({ method: "PUT", path: `${devices}/${deviceId}/prekeys`, body }, as(deviceId)),
    checkPrekeys: (deviceId: string, digest: string): Promise<void> =>
      request(
        { method: "POST", path: `${devices}/${deviceId}/prekeys/check`, body: { digest } },
        as(deviceId),
      ),
  };
}

function messageRoutes(request: AuthorizedRequest) {
  return {
    openDirect: (deviceId: string, accountId: string): Promise<Conversation> =>
      request(
        {
          method: "PUT",
          path: `/api/chat/conversations/direct/${accountId}`,
          answer: conversation,
        },
        as(deviceId),
      ),
    sendMessage: (deviceId: string, body: SendMessageRequest): Promise<MessageAccepted> =>
      request({ method: "POST", path: "/api/chat/messages", body, answer: messageAccepted }, as(deviceId)),
    inbox: (deviceId: string): Promise<InboxPage> =>
      request({ method: "GET", path: "/api/chat/inbox", answer: inboxPage }, as(deviceId)),
    async acknowledge(deviceId: string, envelopeIds: readonly number[]): Promise<void> {
      const body = { envelopeIds };
      await request(
        { method: "POST", path: "/api/chat/inbox/acknowledgements", body, answer: acknowledged },
        as(deviceId),
      );
    },
    acknowledgeGap: (deviceId: string, gap: string): Promise<void> =>
      request({ method: "POST", path: "/api/chat/inbox/gap-acknowledgements", body: { gap } }, as(deviceId)),
  };
}
