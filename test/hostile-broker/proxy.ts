// A proxy between services and the real Kafka that speaks enough of its protocol to be hostile.

import { connect, createServer, type Socket } from "node:net";
import { createEnemy, type Enemy } from "./enemy.ts";
import { eachFrame } from "./frames.ts";
import {
  API,
  acknowledgeCommit,
  acknowledgeProduce,
  changeFetched,
  changePositions,
  REBALANCE_ANSWER,
  readHead,
  readProduce,
  redirectCoordinator,
  redirectMetadata,
} from "./layouts.ts";
import { openRealBroker, type RealBroker } from "./real-broker.ts";
import { int32, sized } from "./wire.ts";

export type HostileBroker = {
  /** host:port, for the services. */
  readonly address: string;
  readonly enemy: Enemy;
  readonly real: RealBroker;
  /** What the proxy itself could not do: a fault of the test. */
  readonly faults: readonly string[];
  readonly close: () => Promise<void>;
};

/** Starts as an honest broker. @param broker host:port of the only one of a real cluster. */
export async function startHostileBroker(broker: string, seed: number): Promise<HostileBroker> {
  const { hostname, port } = new URL(`kafka://${broker}`);
  const real = await openRealBroker(hostname, Number(port));
  const enemy = createEnemy(seed, real);
  const faults: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ host: hostname, port: Number(port), noDelay: true });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", (error) => {
        if (error instanceof RangeError) faults.push(error.message);
      });
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    join(client, upstream, enemy, ownPort, (error) => {
      faults.push(error.message);
      client.destroy();
    });
  });
  const ownPort = await new Promise<() => number>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const listening = typeof address === "object" ? (address?.port ?? 0) : 0;
      resolve(() => listening);
    });
  });
  return {
    address: `127.0.0.1:${ownPort()}`,
    enemy,
    real,
    faults,
    close: async () => {
      enemy.close();
      real.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** One client's connection. Answers find their request by its number, so they may overtake each other. */
function join(
  client: Socket,
  upstream: Socket,
  enemy: Enemy,
  ownPort: () => number,
  fail: (error: Error) => void,
): void {
  const asked = new Map<number, number>();
  const answer = (id: number, body: Buffer): void => {
    if (!client.destroyed) client.write(sized(Buffer.concat([int32(id), body])));
  };
  eachFrame(client, (frame) => {
    const { api, id, body } = readHead(frame);
    const ownAnswer = enemy.isHonest() ? undefined : answerAlone(enemy, api, body);
    if (ownAnswer !== undefined) {
      ownAnswer.then((own) => answer(id, own)).catch(fail);
      return;
    }
    asked.set(id, api);
    upstream.write(sized(frame));
  });
  eachFrame(upstream, (frame) => {
    const id = frame.readInt32BE(0);
    const api = asked.get(id);
    asked.delete(id);
    changeAnswer(enemy, ownPort(), api, frame.subarray(4))
      .then((body) => answer(id, body))
      .catch(fail);
  });
}

/** What the real broker never hears of. */
function answerAlone(enemy: Enemy, api: number, body: Buffer): Promise<Buffer> | undefined {
  switch (api) {
    case API.produce: {
      const given = readProduce(body);
      return enemy.takeProduced(given).then(() => acknowledgeProduce(given));
    }
    case API.offsetCommit:
      return enemy.forgetsCommit() ? Promise.resolve(acknowledgeCommit(body)) : undefined;
    case API.heartbeat:
      return enemy.rebalancesGroup() ? Promise.resolve(REBALANCE_ANSWER) : undefined;
    default:
      return undefined;
  }
}

async function changeAnswer(enemy: Enemy, port: number, api: number | undefined, body: Buffer): Promise<Buffer> {
  switch (api) {
    case API.metadata:
      return redirectMetadata(body, "127.0.0.1", port);
    case API.findCoordinator:
      return redirectCoordinator(body, "127.0.0.1", port);
    case API.offsetFetch:
      return enemy.isHonest() ? body : changePositions(body, enemy.changePosition);
    case API.fetch: {
      if (enemy.isHonest()) return body;
      const heldMs = enemy.holdsAnswerMs();
      if (heldMs > 0) await new Promise((resolve) => setTimeout(resolve, heldMs));
      return changeFetched(body, enemy.changeFetched);
    }
    default:
      return body;
  }
}
