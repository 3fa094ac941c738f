// OKX's signature on published vectors. Its own documents show no finished one, so these are those that a public client's tests keep
// (a Python client, tests of its sign_okx_v5, with a dummy secret); the journey also lets the npm package okx-api sign.
import { describe, expect, it } from "vitest";
import { macOf, readMac, readTimestamp } from "./signature.ts";

const timestamp = "2020-12-08T09:08:57.715Z";
const secret = "dummy-secret-for-unit-test-only";
const ORDER = '{"instId":"BTC-USDT-SWAP","tdMode":"cross","side":"buy","ordType":"limit","px":"1000","sz":"0.01"}';

describe("the signature", () => {
  it.each([
    ["GET", "/api/v5/account/balance?ccy=BTC", "", "IphbF58AxD2d978zgPnve2xPTj+T5EIlq7eLb4O1de4="],
    ["POST", "/api/v5/trade/order", ORDER, "mcx20QnYX/IY63n23dZpoHhpJhCmCSc415zt2xKJZHs="],
  ])("of %s %s is the published one", (method, requestPath, body, expected) => {
    const parts = { timestamp, method, requestPath, body: Buffer.from(body) };
    expect(macOf(secret, parts).toString("base64")).toBe(expected);
    expect(readMac(expected)).toEqual(macOf(secret, parts));
    for (const change of [{ timestamp: "2020-12-08T09:08:57.716Z" }, { method: "PUT" }, { body: Buffer.from("{}") }]) {
      expect(macOf(secret, { ...parts, ...change }).toString("base64")).not.toBe(expected);
    }
  });

  it.each(["", "abc", "A".repeat(43), `${"A".repeat(42)}B=`, "IphbF58AxD2d978zgPnve2xPTj-T5EIlq7eLb4O1de4="])(
    "%o is none",
    (text) => expect(readMac(text)).toBeNull(),
  );
});

describe("the time", () => {
  it("is ISO in UTC with milliseconds", () => expect(readTimestamp(timestamp)).toBe(1_607_418_537_715));

  it.each([
    ...["", "1607418537", "2020-12-08T09:08:57Z", "2020-12-08T09:08:57.715", "2020-12-08T09:08:57.715+00:00"],
    ...[
      "2020-13-08T09:08:57.715Z",
      "2020-02-30T09:08:57.715Z",
      "2020-12-08T24:00:00.000Z",
      " 2020-12-08T09:08:57.715Z",
    ],
  ])("%o is none", (text) => expect(readTimestamp(text)).toBeNull());
});
