// The Bitcoin nodes as this process watches them: opened, counted, and told of when one's health changes.
import { HEALTH_WORDS, listenForNews, type Nodes, openNodes, quorumOf } from "@sluice/bitcoin-nodes";
import type { Lifecycle, Metrics } from "@sluice/runtime";
import { nodesOf, type Secrets, type Settings } from "./config.ts";

export function watchNodes(life: Lifecycle, metrics: Metrics, settings: Settings, secrets: Secrets): Nodes {
  const { logger, stopping } = life;
  const file = settings.SLUICE_BITCOIN_NODES_FILE;
  const answers = metrics.counter({
    name: "sluice_node_requests_total",
    help: "Questions to the Bitcoin nodes, by what became of them.",
    labels: ["node", "method", "outcome"],
  });
  const nodes = openNodes({
    nodes: nodesOf(file, secrets),
    quorum: quorumOf(file),
    network: settings.SLUICE_NETWORK,
    stopping,
    onAnswer: (node, method, outcome) => answers.inc({ node, method, outcome }),
    onHealth: (before, { node, word, detail, height }) => {
      const line = `the node ${node} ${HEALTH_WORDS[word]}`;
      if (word === "ok") logger.info({ node, before, word, height }, line);
      else logger.warn({ node, before, word, height, detail }, line);
    },
  });
  life.onStop("nodes", nodes.close);
  metrics.gauge({
    name: "sluice_node_info",
    help: "1 for the word that describes the health of each Bitcoin node now; OPERATIONS.md explains them.",
    labels: ["node", "health"],
    collect: (gauge) => {
      gauge.reset();
      for (const { node, word } of nodes.health()) gauge.set({ node, health: word }, 1);
    },
  });
  metrics.gauge({
    name: "sluice_node_height_blocks",
    help: "The height that each Bitcoin node claims its best chain to have.",
    labels: ["node"],
    collect: (gauge) => {
      gauge.reset();
      for (const { node, height } of nodes.health()) if (height !== null) gauge.set({ node }, height);
    },
  });
  return nodes;
}

/** A round is due when a node says that its chain changed. */
export function wakeOnNews(life: Lifecycle, settings: Settings, wake: () => void): void {
  const publishers = settings.SLUICE_BITCOIN_NODES_FILE.nodes.flatMap(({ name, zmq }) =>
    zmq === undefined ? [] : [{ name, zmq }],
  );
  const news = listenForNews({
    publishers,
    onNews: wake,
    onChange: (node, isConnected, detail) => {
      if (isConnected) life.logger.info({ node }, "the node tells of new blocks");
      else life.logger.warn({ node, detail }, "the node does not tell of new blocks any more; it is asked instead");
    },
  });
  life.onStop("news of blocks", news.close);
}
