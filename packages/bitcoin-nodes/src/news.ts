// News from nodes that something happened (bitcoind's ZMQ). It only wakes: what happened is asked, and what is lost is polled.
import { connect, type Socket } from "node:net";
import { createZmtpReader, greeting, ready, subscription, ZmtpFault, type ZmtpFrame } from "./zmtp.ts";

export type NewsOptions = {
  /** tcp://host:port of each node that publishes, by the node's name. */
  readonly publishers: readonly { readonly name: string; readonly zmq: string }[];
  /** A node's best chain changed, or it says so. Called at most once in a short while, however much is said. */
  readonly onNews: () => void;
  /** Once for each change of a connection. */
  readonly onChange?: (name: string, isConnected: boolean, detail: string) => void;
};

const TOPICS: readonly string[] = ["hashblock", "sequence"];
/** A node that tells more often than this is heard, and not obeyed. */
const QUIET_MS = 50;
const SHORTEST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
const KEEP_ALIVE_MS = 30_000;

export function listenForNews({ publishers, onNews, onChange }: NewsOptions): { readonly close: () => void } {
  const told = calmly(onNews);
  const ends = publishers.map(({ name, zmq }) =>
    keepConnected(zmq, told.tell, (isConnected, detail) => onChange?.(name, isConnected, detail)),
  );
  return {
    close: () => {
      told.close();
      for (const end of ends) end();
    },
  };
}

/** At once, and then not again for a while; what is told in that while is told after it. */
function calmly(onNews: () => void): { readonly tell: () => void; readonly close: () => void } {
  let quiet: NodeJS.Timeout | undefined;
  let more = false;
  const tell = (): void => {
    more = quiet !== undefined;
    if (more) return;
    quiet = setTimeout(() => {
      quiet = undefined;
      if (more) tell();
    }, QUIET_MS);
    onNews();
  };
  return { tell, close: () => clearTimeout(quiet) };
}

function keepConnected(
  zmq: string,
  onNews: () => void,
  onChange: (isConnected: boolean, detail: string) => void,
): () => void {
  const { hostname, port } = new URL(zmq);
  let closed = false;
  let isConnected = false;
  let pauseMs = SHORTEST_PAUSE_MS;
  let retry: NodeJS.Timeout | undefined;
  let socket: Socket;
  const open = (): void => {
    let why = "closed";
    const read = createZmtpReader();
    const take = createTaker(() => {
      isConnected = true;
      pauseMs = SHORTEST_PAUSE_MS;
      onChange(true, "");
      // What happened while nobody listened.
      onNews();
    }, onNews);
    socket = connect({ host: hostname, port: Number(port), keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
    // NULL waits for nothing: the handshake can be said in one go.
    socket.on("connect", () => socket.write(Buffer.concat([greeting(), ready()])));
    socket.on("data", (bytes) => {
      try {
        for (const frame of read(bytes)) socket.write(take(frame));
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.on("error", (error) => {
      why = error.message;
    });
    socket.on("close", () => {
      if (isConnected && !closed) onChange(false, why);
      isConnected = false;
      if (closed) return;
      retry = setTimeout(open, pauseMs);
      pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
    });
  };
  open();
  return () => {
    closed = true;
    clearTimeout(retry);
    socket.destroy();
  };
}

/** What to say to each frame: subscriptions to the publisher's READY, nothing to its news. */
function createTaker(onReady: () => void, onNews: () => void): (frame: ZmtpFrame) => Buffer {
  let parts: Buffer[] = [];
  let isReady = false;
  return ({ isCommand, more, body }) => {
    if (isCommand) {
      if (isReady || body.toString("latin1", 0, 6) !== "\x05READY") return NOTHING;
      isReady = true;
      onReady();
      return Buffer.concat(TOPICS.map(subscription));
    }
    parts.push(body);
    if (parts.length > MOST_PARTS) throw new ZmtpFault("a message of too many parts");
    if (more) return NOTHING;
    if (isOfChain(parts)) onNews();
    parts = [];
    return NOTHING;
  };
}

const NOTHING = Buffer.alloc(0);
/** Topic, body and number. */
const MOST_PARTS = 3;
const LABEL_AT = 32;

/** hashblock, or of sequence a block connected or disconnected: what enters and leaves the mempool wakes nobody. */
function isOfChain([topic, body]: readonly Buffer[]): boolean {
  if (topic?.toString() === "hashblock") return true;
  const label = String.fromCharCode(body?.[LABEL_AT] ?? 0);
  return topic?.toString() === "sequence" && (label === "C" || label === "D");
}
