// One end of a line under measurement, in a process of its own: bare, or with the whole bridge on it.
import { type BridgeSession, bridgeIdentity, openCarrier, parseCarrierAddress } from "@sluice/bridge";
import { measureBare, serveBare } from "./bare-line.ts";
import type { EndTask } from "./bridge-plan.ts";
import { measureBridge, serveBridge } from "./whole-bridge.ts";

const task = JSON.parse(process.argv[2] ?? "{}") as EndTask;
const parsed = parseCarrierAddress(task.address);
if (!parsed.ok) throw new Error(parsed.rule);
const carrier = openCarrier(parsed.value, task.end === "near" ? "listen" : "connect");
if (task.end === "far") {
  if (task.layers === "bare") serveBare(carrier, task.what);
  else serveBridge(carrier, sessionOf(task), task.what);
} else {
  const measured =
    task.layers === "bare" ? measureBare(carrier, task.what) : measureBridge(carrier, sessionOf(task), task.what);
  process.stdout.write(JSON.stringify(await measured), () => process.exit(0));
}

function sessionOf({ end, privateKey, publicKeys }: EndTask): BridgeSession {
  const peer = end === "near" ? "far" : "near";
  const read = bridgeIdentity({
    name: end,
    privateKey,
    publicKeys,
    peers: [peer],
    network: "regtest",
    schema: "bench",
  });
  if (!read.ok) throw new Error(JSON.stringify(read.faults));
  return read.identity.towards(peer);
}
