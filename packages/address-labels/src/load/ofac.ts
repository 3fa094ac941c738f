// The digital-currency addresses of OFAC's SDN list, in the three forms in which it is published: the delimited and plain texts with
// remarks, sdn.xml, and the advanced XML. Everything else in the list is passed over.
import { readLines } from "./lines.ts";
import { type BadRow, type Loaded, readRow } from "./row.ts";

/** "Digital Currency Address - XBT 149w…;" in remarks; OFAC FAQ 563 says how the field is made. */
const IN_REMARKS = /Digital Currency Address - ([A-Z0-9]{2,8}) ([^\s;,"<]{1,256})/g;
/** The type and, on the same line or a later one, the number. */
const ID_TYPE = /<idType>Digital Currency Address - ([A-Z0-9]{2,8})<\/idType>/g;
const ID_NUMBER = /<idNumber>\s*([^<\s]{1,256})\s*<\/idNumber>/g;
const FEATURE_TYPE = /<FeatureType ID="(\d+)"[^>]*>Digital Currency Address - ([A-Z0-9]{2,8})<\/FeatureType>/g;
const FEATURE = /<Feature [^>]*FeatureTypeID="(\d+)"/g;
const DETAIL = /<VersionDetail [^>]*>\s*([^<\s]{1,256})\s*<\/VersionDetail>/g;

/** OFAC's own symbols; one that is not here is its chain's name in lower case. */
const CHAINS: Readonly<Record<string, string>> = {
  ...{ XBT: "bitcoin", BTC: "bitcoin", ETH: "evm", ETC: "evm", ARB: "evm", BSC: "evm", USDC: "evm" },
  ...{ TRX: "tron", LTC: "litecoin", ZEC: "zcash", XMR: "monero", BTG: "bitcoin-gold", BSV: "bitcoin-sv" },
  ...{ BCH: "bitcoin-cash", XVG: "verge", SOL: "solana" },
};

/** Every listed address is black, of category sanctions and sure. `since` is the list's own date. */
export function* loadOfac(path: string, source: string, bad: BadRow[], since: string): Loaded {
  let found = 0;
  for (const { line, ticker, address } of findAddresses(path)) {
    found += 1;
    const fields = {
      chain: chainOf(ticker, address),
      address,
      tier: "black",
      category: "sanctions",
      confidence: "100",
    };
    const change = readRow({ ...fields, since }, source, line, bad);
    if (change !== null) yield change;
  }
  // A list without a single address is another file, or a form that is not known here.
  if (found === 0) bad.push({ line: 1, rule: "OFAC_EMPTY: the file names no digital currency address" });
}

type Named = { readonly line: number; readonly ticker: string; readonly address: string };

function* findAddresses(path: string): Generator<Named> {
  const features = new Map<string, string>();
  /** The type that was read last and whose value is still to come. */
  let open: string | undefined;
  for (const { number, text } of readLines(path)) {
    const events = [
      ...all(text, IN_REMARKS, (ticker, address) => ({ kind: "whole" as const, ticker, address })),
      ...all(text, ID_TYPE, (ticker) => ({ kind: "type" as const, ticker })),
      ...all(text, ID_NUMBER, (address) => ({ kind: "value" as const, address })),
      ...all(text, FEATURE_TYPE, (id, ticker) => ({ kind: "feature" as const, id, ticker })),
      ...all(text, FEATURE, (id) => ({ kind: "use" as const, id })),
      ...all(text, DETAIL, (address) => ({ kind: "value" as const, address })),
    ].toSorted((a, b) => a.at - b.at);
    for (const event of events) {
      if (event.kind === "whole") yield { line: number, ticker: event.ticker, address: event.address };
      else if (event.kind === "feature") features.set(event.id, event.ticker);
      else if (event.kind === "type") open = event.ticker;
      else if (event.kind === "use") open = features.get(event.id);
      else if (open !== undefined) {
        yield { line: number, ticker: open, address: event.address };
        open = undefined;
      }
    }
  }
}

function all<T extends object>(text: string, pattern: RegExp, made: (first: string, second: string) => T) {
  return [...text.matchAll(pattern)].map(({ index, 1: first = "", 2: second = "" }) => ({
    ...made(first, second),
    at: index,
  }));
}

/** A token's symbol says nothing of the chain, the form of the address does. */
function chainOf(ticker: string, address: string): string {
  if (ticker !== "USDT") return CHAINS[ticker] ?? ticker.toLowerCase();
  if (address.startsWith("0x")) return "evm";
  return /^T[1-9A-HJ-NP-Za-km-z]{33}$/.test(address) ? "tron" : "bitcoin";
}
