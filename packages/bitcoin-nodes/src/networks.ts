// Which network a node is of: by the name that it gives and by its first block.
import type { BitcoinNetwork } from "@sluice/chains";
import type { ChainClaim, NodeClient } from "./node-client.ts";

/** By the name in getblockchaininfo: the network, and the hash of its first block (chainparams.cpp of Bitcoin Core 29). */
const CHAINS: Readonly<Record<string, { readonly network: BitcoinNetwork; readonly genesis: string }>> = {
  main: { network: "mainnet", genesis: "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f" },
  test: { network: "testnet", genesis: "000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943" },
  testnet4: { network: "testnet", genesis: "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043" },
  signet: { network: "signet", genesis: "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6" },
  regtest: { network: "regtest", genesis: "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206" },
};

/** Null when it is of this network, or what is wrong. */
export async function examineNetwork(
  client: NodeClient,
  { chain }: ChainClaim,
  network: BitcoinNetwork,
): Promise<string | null> {
  const known = CHAINS[chain];
  if (known?.network !== network) return `it is of the network "${chain}", not of ${network}`;
  const genesis = await client.hashAt(0);
  return genesis === known.genesis ? null : `its first block is ${genesis}, not that of ${network}`;
}
