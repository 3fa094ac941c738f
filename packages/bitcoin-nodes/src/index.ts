// What the gateway knows of the Bitcoin network: several nodes, none believed alone.
export * from "./bitcoin-rpc.ts";
