// Hostile requests to the facade, made from a seed: broken headers, stale and replayed ones, forged signatures, hostile parameters.
import { createHmac } from "node:crypto";
import { wdIdOf } from "../src/withdrawal-ids.ts";
import { type Credentials, DESK, okxHeaders, READER } from "./facade.ts";

export type Hostile = {
  readonly kind: string;
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly payload: string;
};

/** A generator of numbers from 0 to 1 that gives the same ones for the same seed (mulberry32). */
function numbersFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const PATHS = [
  "withdrawal",
  "cancel-withdrawal",
  "withdrawal-history",
  "deposit-withdraw-status",
  "currencies",
] as const;
const TEXTS = [
  ...[
    "",
    " ",
    "0",
    "-1",
    "1e9",
    "NaN",
    "null",
    "true",
    "9".repeat(30),
    "0.000000001",
    "١٢٣",
    "\u202e",
    "a".repeat(300),
  ],
  ...["../../etc/passwd", "' or 1=1 --", "#{7*7}", "<script>", "%00", "__proto__", "constructor", "BTC,".repeat(50)],
  ...["okx.desk.C1", "7", "115".repeat(20), "BTC", "BTC-Bitcoin", "4", "3", "0.0001"],
];
const NAMES = [
  ...["ccy", "amt", "dest", "toAddr", "chain", "clientId", "fee", "rcvrInfo", "tag", "wdId", "txId", "state", "after"],
  ...["before", "limit", "type", "more", "__proto__", "constructor", "account", "id"],
];

/** None of them may be answered with code 0, but those whose kind begins with "well signed". */
export function hostileRequests(seed: number, count: number, nowMs: number): readonly Hostile[] {
  const random = numbersFrom(seed);
  const one = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const parameters = () =>
    Object.fromEntries(Array.from({ length: Math.floor(random() * 5) }, () => [one(NAMES), one(TEXTS)]));
  const wish = () => ({
    ccy: "BTC",
    amt: "0.0001",
    dest: "4",
    toAddr: DESTINATION,
    clientId: `H${Math.floor(random() * 1e9)}`,
  });
  const sent = (kind: string, credentials: Credentials, change: Partial<Change> = {}): Hostile => {
    const isPost = change.isPost ?? random() < 0.5;
    const body = isPost ? (change.body ?? JSON.stringify(wish())) : "";
    const path = change.path ?? (isPost ? "withdrawal" : one(PATHS.slice(2)));
    const url = `/api/v5/asset/${path}${isPost ? "" : (change.query ?? "")}`;
    const method = isPost ? "POST" : "GET";
    const headers = okxHeaders(credentials, method, url, body, change.atMs ?? nowMs);
    return { kind, method, url, headers: { ...headers, ...change.headers }, payload: change.sentBody ?? body };
  };
  const kinds: readonly (() => Hostile)[] = [
    () => sent("stale by more than the window", DESK, { atMs: nowMs - 40_000 - Math.floor(random() * 1e9) }),
    () => sent("from the future", DESK, { atMs: nowMs + 40_000 + Math.floor(random() * 1e9) }),
    () => sent("signed with another secret", { ...DESK, secret: `${Math.floor(random() * 1e9)}`.padStart(32, "x") }),
    () => sent("with another passphrase", { ...DESK, passphrase: `Passphrase-${Math.floor(random() * 1e9)}` }),
    () => sent("with an unknown key", { ...DESK, apiKey: `${Math.floor(random() * 1e9)}`.padStart(36, "0") }),
    () => sent("with another key's passphrase", { ...DESK, passphrase: READER.passphrase }),
    () => sent("with a body that was not signed", DESK, { isPost: true, sentBody: JSON.stringify(wish()) }),
    () =>
      sent("with a query that was not signed", DESK, {
        isPost: false,
        headers: signedFor("/api/v5/asset/currencies?ccy=ETH"),
      }),
    () =>
      sent("with the signature of another method", DESK, {
        isPost: true,
        headers: signedFor("/api/v5/asset/withdrawal"),
      }),
    () => sent("without a header", DESK, { headers: { [one(HEADERS)]: "" } }),
    () =>
      sent("with a header of nonsense", DESK, {
        headers: { [one(HEADERS)]: one(["x", "\t", "é", "A".repeat(44), "0".repeat(5_000)]) },
      }),
    () =>
      sent("with a time in another form", DESK, {
        headers: restamped(one([`${nowMs}`, `${nowMs / 1000}`, "2020-12-08T09:08:57Z", "now"])),
      }),
    () => sent("without the permission", READER, { isPost: true }),
    () =>
      sent("well signed, with hostile parameters", DESK, {
        isPost: true,
        path: one(PATHS.slice(0, 2)),
        body: JSON.stringify(parameters()),
      }),
    () =>
      sent("well signed, with a hostile query", DESK, {
        isPost: false,
        query: `?${new URLSearchParams(parameters())}`,
      }),
    () =>
      random() < 0.5
        ? sent("well signed, of what there is not", DESK, {
            isPost: false,
            path: one(PATHS.slice(2, 4)),
            query: unknown(),
          })
        : sent("well signed, of what there is not", DESK, { isPost: true, path: "cancel-withdrawal", body: absent() }),
    () =>
      sent("no JSON", DESK, {
        isPost: true,
        body: one(["{", "null", "[]", '"text"', "{}x", '{"a":1e999}', "[".repeat(5_000), '{"__proto__":{}}']),
      }),
    () => sent("too large", DESK, { isPost: true, body: JSON.stringify({ toAddr: "a".repeat(20_000) }) }),
    () =>
      sent("of another type", DESK, {
        isPost: true,
        headers: { "content-type": one(["text/plain", "application/xml", "multipart/form-data"]) },
      }),
    () => ({ ...sent("with another method", DESK, { isPost: true }), method: one(["PUT", "DELETE"] as const) }),
    () =>
      sent("of an endpoint that there is not", DESK, {
        path: one(["transfer", "withdrawal/", "WITHDRAWAL", "%2e%2e/x", "withdrawal-lightning"]),
      }),
  ];
  return Array.from({ length: count }, (_, at) => (kinds[at % kinds.length] as () => Hostile)());

  function absent(): string {
    return JSON.stringify({ wdId: wdIdOf(`okx.desk.${Math.floor(random() * 1e9)}`) });
  }

  function unknown(): string {
    return `?wdId=${wdIdOf(`okx.desk.${Math.floor(random() * 1e9)}`)}`;
  }

  function restamped(timestamp: string): Record<string, string> {
    const prehash = `${timestamp}GET/api/v5/asset/currencies`;
    const sign = createHmac("sha256", DESK.secret).update(prehash).digest("base64");
    return { "ok-access-timestamp": timestamp, "ok-access-sign": sign };
  }

  function signedFor(requestPath: string): Record<string, string> {
    return { "ok-access-sign": okxHeaders(DESK, "GET", requestPath, "", nowMs)["ok-access-sign"] ?? "" };
  }
}

type Change = {
  readonly isPost: boolean;
  readonly path: string;
  readonly query: string;
  readonly body: string;
  readonly sentBody: string;
  readonly atMs: number;
  readonly headers: Record<string, string>;
};

const HEADERS = ["ok-access-key", "ok-access-sign", "ok-access-timestamp", "ok-access-passphrase"] as const;
const DESTINATION = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
