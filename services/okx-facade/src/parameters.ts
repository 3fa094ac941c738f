// What OKX's parameters say, read strictly: a name that OKX does not document for the endpoint is refused, never passed over,
// and so is what this side could not honour. Only what cannot change what is paid is taken and left unused.
import type { WithdrawalState } from "@sluice/core";
import { readCoins } from "./coins.ts";
import type { User } from "./config.ts";
import { refuse } from "./refusals.ts";
import { statesOf } from "./states.ts";
import { isClientId, withdrawalIdFrom, withdrawalIdOf } from "./withdrawal-ids.ts";

export const CCY = "BTC";
export const CHAIN = "BTC-Bitcoin";

export type Wanted = {
  readonly id: string;
  readonly clientId: string;
  readonly amountSat: bigint;
  readonly address: string;
  /** Satoshi; what the customer may be charged at most. */
  readonly maxFee?: bigint;
};

type Parameters = Readonly<Record<string, string>>;

/** Taken for what they are and not used: a broker's tag, a phone's area, the receiver's name for the travel rule. */
const UNUSED = ["tag", "areaCode"] as const;
const RECEIVER = [
  ...["walletType", "exchId", "rcvrFirstName", "rcvrLastName", "rcvrCountry"],
  ...["rcvrCountrySubDivision", "rcvrTownName", "rcvrStreetName"],
];
const LONGEST = 256;

export function readWithdrawal(body: unknown, user: User): Wanted {
  const { rcvrInfo, ...rest } = record(body);
  if (rcvrInfo !== undefined) texts("rcvrInfo", rcvrInfo, RECEIVER);
  const given = named(rest, [...["ccy", "amt", "dest", "toAddr", "toAddrType", "chain", "fee", "clientId"], ...UNUSED]);
  const { toAddrType = "1", chain = CHAIN, fee, dest } = given;
  const ccy = required(given, "ccy");
  const amountSat = readCoins(required(given, "amt"));
  const address = required(given, "toAddr");
  // Without it a repeated request could not be told from a second one, and after a time-out nobody could safely ask again.
  const clientId = required(given, "clientId");
  if (!isClientId(clientId)) throw refuse("PARAMETER", "clientId");
  if (required(given, "dest") === "3") throw refuse("NOT_ON_CHAIN", "6", "3");
  if (dest !== "4") throw refuse("PARAMETER", "dest");
  if (ccy !== CCY) throw refuse("TOKEN_UNAVAILABLE", printable(ccy));
  if (chain !== CHAIN) throw refuse("CHAIN_UNSUPPORTED", printable(chain));
  if (toAddrType !== "1") throw refuse("PARAMETER", "toAddrType");
  if (amountSat === null) throw refuse("PARAMETER", "amt");
  // No address of bitcoin has a tag behind a colon, and none is longer.
  if (!/^[A-Za-z0-9]{14,90}$/.test(address)) throw refuse("ADDRESS_INVALID");
  const maxFee = fee === undefined ? undefined : fee === "0" ? 0n : readCoins(fee);
  if (maxFee === null) throw refuse("PARAMETER", "fee");
  const id = withdrawalIdOf(user.name, clientId);
  return { id, clientId, amountSat, address, ...(maxFee === undefined ? {} : { maxFee }) };
}

export function readCancellation(body: unknown): string {
  const id = withdrawalIdFrom(required(named(record(body), ["wdId", ...UNUSED]), "wdId"));
  if (id === null) throw refuse("WITHDRAWAL_UNKNOWN");
  return id;
}

export type HistoryQuery = {
  /** One withdrawal; null for the digits of none. */
  readonly id?: string | null;
  readonly states?: readonly WithdrawalState[];
  /** Nothing there is can match. */
  readonly isEmpty: boolean;
  readonly receivedFromMs?: number;
  readonly receivedBeforeMs?: number;
  readonly limit: number;
};

/** OKX's `after` asks for what is earlier than a time, `before` for what is newer; neither includes the time itself. */
export function readHistory(query: unknown, user: User): HistoryQuery {
  const given = named(record(query), ["ccy", "wdId", "clientId", "type", "state", "after", "before", "limit"]);
  const { ccy, wdId, clientId, type, state, after, before } = given;
  if (type !== undefined && type !== "3" && type !== "4") throw refuse("PARAMETER", "type");
  if (clientId !== undefined && !isClientId(clientId)) throw refuse("PARAMETER", "clientId");
  const states = state === undefined ? undefined : statesOf(state);
  if (states === null) throw refuse("PARAMETER", "state");
  const ids = [
    ...(wdId === undefined ? [] : [withdrawalIdFrom(wdId)]),
    ...(clientId === undefined ? [] : [withdrawalIdOf(user.name, clientId)]),
  ];
  const newerThan = moment(before, "before");
  return {
    ...(ids[0] === undefined ? {} : { id: ids.every((id) => id === ids[0]) ? ids[0] : null }),
    ...(states === undefined ? {} : { states }),
    isEmpty: type === "3" || states?.length === 0 || (ccy !== undefined && ccy !== CCY),
    ...(newerThan === undefined ? {} : { receivedFromMs: newerThan + 1 }),
    ...(after === undefined ? {} : { receivedBeforeMs: moment(after, "after") as number }),
    limit: readLimit(given),
  };
}

/** Null for the digits of no withdrawal. */
export function readStatus(query: unknown): string | null {
  const { wdId, txId } = named(record(query), ["wdId", "txId", "ccy", "to", "chain"]);
  if (wdId === undefined && txId === undefined) throw refuse("EITHER_REQUIRED", "wdId", "txId");
  if (wdId !== undefined && txId !== undefined) throw refuse("BOTH_GIVEN", "wdId", "txId");
  if (wdId === undefined) throw refuse("DEPOSITS_UNSUPPORTED");
  return withdrawalIdFrom(wdId);
}

/** Whether bitcoin is among those that are asked for; all are when none is named. */
export function asksForBitcoin(query: unknown): boolean {
  const { ccy } = named(record(query), ["ccy"]);
  return ccy === undefined || ccy.split(",").includes(CCY);
}

function readLimit({ limit = "100" }: Parameters): number {
  if (!/^[1-9][0-9]{0,2}$/.test(limit) || Number(limit) > 100) throw refuse("PARAMETER", "limit");
  return Number(limit);
}

function moment(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  if (!/^(0|[1-9][0-9]{0,14})$/.test(text)) throw refuse("PARAMETER", name);
  return Number(text);
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw refuse("JSON_MALFORMED");
}

/** Each of these names at most once, each with a short text; an empty one counts as absent, as OKX's own clients send it. */
function named(given: Readonly<Record<string, unknown>>, names: readonly string[]): Parameters {
  return Object.fromEntries(Object.entries(texts("", given, names)).filter(([, text]) => text !== ""));
}

function texts(of: string, given: unknown, names: readonly string[]): Parameters {
  const read = Object.entries(of === "" ? (given as object) : nested(of, given)).map(([name, value]) => {
    const isFine = names.includes(name) && typeof value === "string" && value.length <= LONGEST;
    if (!isFine) throw refuse("PARAMETER", of === "" ? printable(name) : of);
    return [name, value] as const;
  });
  return Object.fromEntries(read);
}

function nested(of: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw refuse("PARAMETER", of);
}

function required(given: Parameters, name: string): string {
  const text = given[name];
  if (text === undefined) throw refuse("PARAMETER_EMPTY", name);
  return text;
}

/** Of what a client sent, only so much goes back into an answer. */
function printable(text: string): string {
  return text.slice(0, 32).replace(/[^\x20-\x7e]/g, "?");
}
