import type { MessageAccepted, SendMessageRequest } from "@sotto/contracts/message-api";

/** Takes a prepared message to the server, over the socket or by REST. Throws SottoError. */
export type SendTransport = (request: SendMessageRequest) => Promise<MessageAccepted>;
