// The durable effects of blockchain-gateway by name, each walked through before and after it. What its relay, its receipts and its
// marks do is treasury's to walk through: they are the same in every online service.
export const EFFECTS = [
  "messaging/settle settleTogether",
  "sendrawtransaction",
  "blockchain-gateway/store noteSend",
  "chain-memory/conflicts noteRival",
  "blockchain-gateway/broadcaster broadcastOne",
  "blockchain-gateway/broadcaster includeLate",
  "blockchain-gateway/broadcaster fillInputs",
  "blockchain-gateway/chain-follower readNewBlocks",
  "blockchain-gateway/chain-follower undoFork",
  "blockchain-gateway/chain-follower followChain",
  "blockchain-gateway/publish-fees publishFees",
  "blockchain-gateway/troubles lookAt",
  "chain-memory/pending noteMisses",
  "chain-memory/pending forgetStuck",
] as const;
