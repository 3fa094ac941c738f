// A process with one end of a bridge and durable files instead of a database; killed-peer.test.ts kills it at will.
// Arguments: socket path, folder for the files, number of messages to send.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openBridge, unixListener } from "../src/index.ts";
import { idOf, letterOf } from "./letters.ts";
import { sessionBetween } from "./sessions.ts";

const [path = "", folder = "", count = "0"] = process.argv.slice(2);
const settledFile = join(folder, "settled");
const receivedFile = join(folder, "received");

const bridge = openBridge({
  carrier: unixListener(path),
  localName: "peer",
  peerName: "test",
  session: sessionBetween("peer", "test"),
  // Stored before it is accepted: what is in the page cache survives the death of the process.
  onMessage: async (bytes) => appendFileSync(receivedFile, `${process.pid} ${idOf(bytes)}\n`),
});

const settled = existsSync(settledFile) ? readFileSync(settledFile, "utf8").trim().split("\n").length : 0;
for (let id = settled + 1; id <= Number(count); id++) {
  bridge.send(letterOf(id)).then(
    () => appendFileSync(settledFile, `${id}\n`),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    },
  );
}
