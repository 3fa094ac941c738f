// What the gateway knows of the Bitcoin network: several nodes, none believed alone.
export type { BitcoinNode, Block } from "./bitcoin-node.ts";
export type { Credentials } from "./connection.ts";
export type { FeeView } from "./fees.ts";
export type { NodeHealth } from "./member.ts";
export { listenForNews, type NewsOptions } from "./news.ts";
export { HEALTH_WORDS, type HealthWord, NodeFault, NoQuorum } from "./node-fault.ts";
export { describeNode, type NodeOptions, type Nodes, type NodesOptions, openNodes } from "./nodes.ts";
export { type NodesFile, nodesFileSchema, objectionTo, quorumOf } from "./nodes-file.ts";
export { concludeSending, REJECTIONS, type RejectionAction, rejectionOf, type SendAnswer } from "./rejections.ts";
