import fc from "fast-check";
import { expect, test } from "vitest";
import { scanEnvelopes } from "./scan-envelopes.ts";

function scan(json: string): unknown[] {
  const found: unknown[] = [];
  scanEnvelopes(json, (envelopeId, messageId) => found.push({ envelopeId, messageId }));
  return found;
}

test("finds the ids that the event holds, in their order", () => {
  const ids = fc.record({ envelopeId: fc.integer({ min: 1 }), messageId: fc.uuid() });
  fc.assert(
    fc.property(fc.array(ids, { maxLength: 5 }), fc.base64String(), (envelopes, content) => {
      const event = envelopes.map((each) => ({ ...each, conversationId: "c", content, envelope: content }));
      expect(scan(JSON.stringify(["inbox:envelopes", { envelopes: event }]))).toEqual(envelopes);
    }),
  );
});

test("an envelope that is written otherwise is not seen", () => {
  expect(scan('["inbox:envelopes",{"envelopes":[{"envelopeId":1,"id":"a"}]}]')).toEqual([]);
});
