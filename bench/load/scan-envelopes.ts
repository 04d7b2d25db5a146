const ENVELOPE_ID = '{"envelopeId":';
const MESSAGE_ID = ',"messageId":"';
const UUID_CHARACTERS = 36;

/**
 * Finds the ids of each envelope in the JSON of an event by their places: parsing the contents as well would take more of
 * the cores than all else that the generator does. An envelope that is written otherwise is not seen, and counts as lost.
 */
export function scanEnvelopes(
  json: string,
  onEnvelope: (envelopeId: number, messageId: string) => void,
): void {
  for (let at = json.indexOf(ENVELOPE_ID); at !== -1; at = json.indexOf(ENVELOPE_ID, at)) {
    const idAt = at + ENVELOPE_ID.length;
    const idEnd = json.indexOf(MESSAGE_ID, idAt);
    if (idEnd === -1) return;
    const messageAt = idEnd + MESSAGE_ID.length;
    at = messageAt + UUID_CHARACTERS;
    onEnvelope(Number(json.slice(idAt, idEnd)), json.slice(messageAt, at));
  }
}
