// The four Bitcoin networks and what tells their addresses and keys apart (BIP32, BIP173, BIP325).

export type BitcoinNetwork = "mainnet" | "testnet" | "signet" | "regtest";

export type NetworkRow = {
  /** The human-readable part of a segwit address. */
  readonly hrp: "bc" | "tb" | "bcrt";
  readonly pubKeyHashVersion: number;
  readonly scriptHashVersion: number;
  readonly xpubVersion: number;
  readonly xprvVersion: number;
};

const MAIN_KEYS = { xpubVersion: 0x0488b21e, xprvVersion: 0x0488ade4 } as const;
const TEST_KEYS = { xpubVersion: 0x043587cf, xprvVersion: 0x04358394 } as const;
const MAIN_BASE58 = { pubKeyHashVersion: 0x00, scriptHashVersion: 0x05 } as const;
const TEST_BASE58 = { pubKeyHashVersion: 0x6f, scriptHashVersion: 0xc4 } as const;

export const NETWORKS: Readonly<Record<BitcoinNetwork, NetworkRow>> = {
  mainnet: { hrp: "bc", ...MAIN_BASE58, ...MAIN_KEYS },
  testnet: { hrp: "tb", ...TEST_BASE58, ...TEST_KEYS },
  signet: { hrp: "tb", ...TEST_BASE58, ...TEST_KEYS },
  regtest: { hrp: "bcrt", ...TEST_BASE58, ...TEST_KEYS },
};
