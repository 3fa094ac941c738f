// Whose spend of one of our inputs is our own, on a real database: of another version, or of anybody of ours once that one has lost.
import { fileURLToPath } from "node:url";
import { createPool, migrate, transaction } from "@sluice/postgres";
import { createTestDatabase } from "@sluice/postgres/testing";
import { expect, onTestFinished, test } from "vitest";
import { listContested } from "../src/index.ts";

const MIGRATIONS = fileURLToPath(new URL("../../../services/blockchain-gateway/migrations", import.meta.url));

test("a payout of ours from a coin of a version that has lost is no theft; before that, and by a stranger, it is one", async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const pool = createPool({ url: database.url, applicationName: "test" });
  onTestFinished(() => pool.end());
  await migrate(pool, [{ set: "blockchain-gateway", directory: MIGRATIONS }]);
  const ours = async (txid: string, pays: readonly string[], inputs: readonly string[]) => {
    const withdrawals = JSON.stringify(pays.map((withdrawalId) => ({ withdrawalId, attempt: 1 })));
    await pool.query(
      "insert into chain_transaction (txid, transaction, withdrawals, state) values ($1, '', $2, 'broadcast')",
      [txid, withdrawals],
    );
    await pool.query("insert into own_input (txid, outpoint) select $1, unnest($2::text[])", [txid, inputs]);
  };
  const block = async (height: number, spends: readonly (readonly [outpoint: string, txid: string])[]) => {
    await pool.query("insert into block (height, hash) values ($1, $2)", [height, `${height}`]);
    for (const [outpoint, txid] of spends) {
      await pool.query("insert into spend (outpoint, txid, block_hash) values ($1, $2, $3)", [
        outpoint,
        txid,
        `${height}`,
      ]);
      await pool.query(
        "update chain_transaction set state = 'included', block_hash = $2, block_height = $3 where txid = $1",
        [txid, `${height}`, height],
      );
    }
  };
  const seen = async (txid: string, tip: number) => {
    const contested = await transaction(pool, (tx) => listContested(tx, tip));
    const conflicts = contested.find((each) => each.txid === txid)?.conflicts ?? [];
    return Object.fromEntries(conflicts.map(({ outpoint, otherTxid, own }) => [`${outpoint} by ${otherTxid}`, own]));
  };

  await ours("original", ["w1", "w2"], ["a", "b"]);
  await ours("added", ["w1", "w2"], ["a", "b", "x", "y"]);
  await ours("others", ["w3"], ["c", "x"]);
  await block(10, [["x", "others"]]);
  // The original is not there yet: our own payout has taken a coin away that a live version spends.
  expect(await seen("added", 10)).toEqual({ "x by others": false });
  await block(11, [
    ["a", "original"],
    ["b", "original"],
  ]);
  expect(await seen("added", 11)).toEqual({ "a by original": true, "b by original": true, "x by others": true });
  await block(12, [["y", "a thief's"]]);
  expect(await seen("added", 12)).toMatchObject({ "y by a thief's": false, "x by others": true });
  // The other way round it is a conflict: what others of ours took from it, it has not lost to a version of its own.
  await ours("robbed", ["w4"], ["x", "d"]);
  expect(await seen("robbed", 12)).toEqual({ "x by others": false });
});
