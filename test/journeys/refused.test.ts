// What is not paid: rejected online, held, cancelled, refused by the second opinion; and whose companions are paid all the same.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { hashPassphrase } from "../../services/okx-facade/src/passphrase.ts";
import { DESK, okxBackend } from "../../services/okx-facade/test/facade.ts";
import { letGoOn } from "./stop-times.ts";
import { follow, paymentsTo, withStack } from "./with-stack.ts";

const labelled = { online: "", offline: "" };
/** In the stores: of both risk systems, and of the zone alone. */
const stored = { both: "", zone: "" };
const bundles = mkdtempSync(join(tmpdir(), "sluice-bundles-"));
const stack = withStack({
  extraEnv: { vault: { SLUICE_BUNDLE_DIRECTORY: bundles } },
  labels: async (chain) => {
    stored.both = await chain.newAddress();
    stored.zone = await chain.newAddress();
    return { "online-risk": [stored.both], "semi-offline-risk": [stored.both, stored.zone] };
  },
  okx: async () => {
    const { apiKey, secret, passphrase } = DESK;
    const key = { apiKey, permissions: ["read", "withdraw"], ipAllowList: ["127.0.0.0/8", "::1/128"] };
    const keys = [{ ...key, passphrase: await hashPassphrase(passphrase, 10) }];
    const users = [{ name: "desk", account: "desk", maxWithdrawalSat: "100000000", keys }];
    return { users, secrets: { [apiKey]: secret } };
  },
  policies: async (chain) => {
    labelled.online = await chain.newAddress();
    labelled.offline = await chain.newAddress();
    const label = (address: string) => ({ address, tier: "black" as const, category: "theft", reason: "stolen funds" });
    return {
      onlineLabels: [label(labelled.online)],
      offlineLabels: [label(labelled.offline)],
      online: { newDestination: { aboveMinor: "5000000", approvals: 1 } },
    };
  },
});

afterAll(() => rmSync(bundles, { recursive: true }));

const post = async (id: string, address: string, amount = 200_000n, account = "alice") =>
  stack().client.createWithdrawal({ id, account, asset: "BTC", amount, address });

it("a destination on the online side's list is rejected, with the reason", async () => {
  await post("rejected-1", labelled.online);
  const ended = await follow(stack(), "rejected-1", []);
  expect(ended.state).toBe("rejected");
  expect(ended.findings.filter(({ verdict }) => verdict === "reject").map(({ rule }) => rule)).toEqual([
    "DESTINATION_LABEL",
  ]);
  expect(await paymentsTo(stack(), labelled.online)).toEqual([]);
});

it("a destination that only the semi-offline side knows is refused there, and its companions are paid", async () => {
  await stack().fund([40_000_000n]);
  const good = [await stack().chain.newAddress(), await stack().chain.newAddress()];
  await Promise.all([
    post("companion-1", good[0] ?? ""),
    post("refused-1", labelled.offline, 200_000n, "mallory"),
    post("companion-2", good[1] ?? ""),
  ]);
  const [first, refused, second] = await Promise.all(
    ["companion-1", "refused-1", "companion-2"].map((id) => follow(stack(), id, ["completed"])),
  );
  expect(refused?.state).toBe("refused");
  const against = refused?.findings.filter(({ by, verdict }) => by === "semi-offline-risk" && verdict !== "clear");
  expect(against?.map(({ rule }) => rule)).toContain("DESTINATION_LABELLED");
  expect([first?.state, second?.state]).toEqual(["completed", "completed"]);
  expect(await paymentsTo(stack(), labelled.offline)).toEqual([]);
  for (const address of good) expect(await paymentsTo(stack(), address)).toHaveLength(1);
});

it("a black label of the store rejects online, before a request and after it; one that only the zone's copy has refuses there", async () => {
  const { client } = stack();
  const chain = "bitcoin-regtest";
  const { results, labelsVersion } = await client.screenAddresses([
    ...[stored.both, stored.zone].map((address) => ({ chain, address })),
    // Of the committed sample of OFAC's list, published on 28 November 2018.
    { chain: "bitcoin", address: "149w62rY42aZBox8fGcmqNsXUzSStKeq8C" },
  ]);
  expect(labelsVersion).toBe(1);
  expect(results.map(({ tier, verdict }) => [tier, verdict])).toEqual([
    ["black", "reject"],
    [null, "clear"],
    ["black", "reject"],
  ]);
  expect(results[2]?.labels[0]?.source).toBe("ofac-sdn");
  await Promise.all([post("stored-1", stored.both, 200_000n, "s1"), post("stored-2", stored.zone, 200_000n, "s2")]);
  const [online, zone] = await Promise.all(
    ["stored-1", "stored-2"].map((id) => follow(stack(), id, ["completed", "held"])),
  );
  expect([online?.state, zone?.state]).toEqual(["rejected", "refused"]);
  const against = zone?.findings.find(({ by, verdict }) => by === "semi-offline-risk" && verdict === "refuse");
  expect([against?.rule, against?.evidence["source"]]).toEqual(["DESTINATION_LABELLED", "devstack"]);
  for (const address of [stored.both, stored.zone]) expect(await paymentsTo(stack(), address)).toEqual([]);
});

it("what comes over OKX's API is paid up to the zone's cap for that key, and refused by the zone above it, though people and online-risk let it through", async () => {
  const desk = okxBackend(stack().okxUrl ?? "", DESK);
  const [good, bad] = [await stack().chain.newAddress(), await stack().chain.newAddress()];
  const paid = await desk.withdraw({ amt: "0.05", toAddr: good, clientId: "Paid1" });
  const large = await desk.withdraw({ amt: "0.05000001", toAddr: bad, clientId: "Large1" });
  expect([paid.code, large.code]).toEqual(["0", "0"]);
  expect((await follow(stack(), "okx.desk.Large1", ["held"])).state).toBe("held");
  await stack().officers[0].approveWithdrawal("okx.desk.Large1");
  const [completed, refused] = await Promise.all([
    follow(stack(), "okx.desk.Paid1", ["completed"]),
    follow(stack(), "okx.desk.Large1", ["completed"]),
  ]);
  expect([completed.state, refused.state]).toEqual(["completed", "refused"]);
  expect(refused.history.map(({ state }) => state)).toContain("cleared");
  const against = refused.findings.find(({ by, rule }) => by === "semi-offline-risk" && rule === "ORIGIN_OVER_LIMIT");
  expect(against?.evidence).toEqual({
    ...{ requesterKey: "okx-facade-1", amountSat: "5000001", maxPaymentSat: "5000000" },
  });
  // The console has its own copy, which arrives at its own time.
  const page = async () => (await fetch(`${stack().httpUrls["ops-console"]}/withdrawals/okx.desk.Large1`)).text();
  await expect.poll(page, { timeout: 20_000 }).toMatch(/ORIGIN_OVER_LIMIT[\s\S]*okx-facade-1/);
  expect((await desk.history("?clientId=Paid1")).data).toMatchObject([{ state: "2", txId: completed.txid }]);
  expect((await desk.status(large.data[0]?.["wdId"] ?? "")).data).toMatchObject([
    { state: "Withdrawal complete: Failed" },
  ]);
  expect(await paymentsTo(stack(), good)).toHaveLength(1);
  expect(await paymentsTo(stack(), bad)).toEqual([]);
});

it("an account that the semi-offline side has just refused needs an approval, and its companions' accounts do not", async () => {
  const address = await stack().chain.newAddress();
  await post("after-refusal-1", address, 200_000n, "mallory");
  const held = await follow(stack(), "after-refusal-1", ["held", "completed"]);
  expect([held.state, held.detail]).toEqual(["held", expect.stringContaining("REFUSED_OFFLINE_LATELY")]);
  expect(await paymentsTo(stack(), address)).toEqual([]);
  await stack().officers[0].approveWithdrawal("after-refusal-1");
  expect((await follow(stack(), "after-refusal-1", ["completed"])).state).toBe("completed");
  expect(await paymentsTo(stack(), address)).toHaveLength(1);
});

it("a large payment to a new destination is held until somebody approves it", async () => {
  const address = await stack().chain.newAddress();
  await post("held-1", address, 6_000_000n);
  expect((await follow(stack(), "held-1", ["held"])).state).toBe("held");
  expect(await paymentsTo(stack(), address)).toEqual([]);
  await stack().officers[0].approveWithdrawal("held-1");
  expect((await follow(stack(), "held-1", ["completed"])).state).toBe("completed");
  expect(await paymentsTo(stack(), address)).toHaveLength(1);
});

it("what is held can be cancelled and is never paid; what is completed cannot", async () => {
  const address = await stack().chain.newAddress();
  await post("cancelled-1", address, 6_000_000n);
  await follow(stack(), "cancelled-1", ["held"]);
  expect((await stack().client.cancelWithdrawal("cancelled-1")).state).toBe("cancelled");
  await expect(stack().client.cancelWithdrawal("held-1")).rejects.toMatchObject({
    status: 409,
    code: "NOT_CANCELLABLE",
  });
  expect(await paymentsTo(stack(), address)).toEqual([]);
});

it("without funds a withdrawal waits, and is paid when coins arrive", async () => {
  const address = await stack().chain.newAddress();
  // More than the wallet has ever held here, to a destination that was used before, so that nothing holds it back.
  await post("poor-0", address, 300_000n);
  await follow(stack(), "poor-0", ["completed"]);
  await post("poor-1", address, 4_900_000n * 10n);
  if ((await follow(stack(), "poor-1", ["held", "cleared"])).state === "held")
    await stack().officers[0].approveWithdrawal("poor-1");
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  expect((await stack().client.getWithdrawal("poor-1")).state).toBe("cleared");
  await stack().fund([60_000_000n]);
  expect((await follow(stack(), "poor-1", ["completed"])).state).toBe("completed");
});

type Zone = {
  readonly zone: {
    readonly holders: readonly { readonly connected: boolean }[];
    readonly bundle?: { readonly version: string; readonly offeredOutcome: string };
  } | null;
};

/** The command, as a person at the zone's machine runs it. */
function sluice(...words: readonly string[]): Record<string, unknown> {
  const main = join(import.meta.dirname, "../../packages/cli/src/main.ts");
  const said = execFileSync(process.execPath, [main, ...words, "--json"], { encoding: "utf8" });
  return JSON.parse(said) as Record<string, unknown>;
}

it("a bundle in vault's folder comes into force: what it labels is refused from then on", async () => {
  const { office } = stack().inside;
  const fresh = await stack().chain.newAddress();
  const label = { address: fresh, tier: "black", category: "theft", reason: "known since today" };
  const policy = { large: { delayAboveSat: "2500000", delayMs: 0, releaseAboveSat: "2500000" } };
  writeFileSync(join(bundles, "2.bundle"), office.next({ policy, labels: [label] }));
  for (;;) {
    const { zone } = (await (await fetch(`${stack().httpUrls.vault}/zone`)).json()) as Zone;
    if (zone?.bundle?.version === "2") break;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await post("labelled-1", fresh, 200_000n, "bundled");
  const ended = await follow(stack(), "labelled-1", ["completed"]);
  expect(ended.state).toBe("refused");
  expect(ended.findings.map(({ rule }) => rule)).toContain("DESTINATION_LABELLED");
});

it("above a threshold a payment waits for a named person, and is paid once that person has released it", async () => {
  const { office, consoleOf } = stack().inside;
  const console = consoleOf("semi-offline-risk");
  const address = await stack().chain.newAddress();
  await post("released-1", address, 3_000_000n, "patient");
  const waiting = await follow(stack(), "released-1", ["signing_delayed", "completed"]);
  expect([waiting.state, waiting.detail]).toEqual(["signing_delayed", expect.stringContaining("NEEDS_RELEASE")]);
  const { tasks } = sluice("zone", "waiting", "--console", console) as { tasks: readonly Record<string, string>[] };
  expect(tasks).toMatchObject([{ payments: [{ withdrawalId: "released-1", amountSat: "3000000", address }] }]);
  const key = join(bundles, "person.pem");
  writeFileSync(key, office.person.privateKey.export({ format: "pem", type: "pkcs8" }), { mode: 0o600 });
  const { taskId = "", transactionId = "" } = tasks[0] ?? {};
  const words = [
    "--console",
    console,
    "--task",
    taskId,
    "--transaction",
    transactionId,
    "--person",
    office.person.name,
  ];
  sluice("zone", "release", ...words, "--key", key);
  expect((await follow(stack(), "released-1", ["completed"])).state).toBe("completed");
  expect(await paymentsTo(stack(), address)).toHaveLength(1);
});

it("two holders away, and then suspended: it waits in a state that a person can read, and goes on when both are over", async () => {
  await stack().fund([5_000_000n]);
  await stack().kill("semi-offline-signer-a");
  await stack().kill("semi-offline-signer-b");
  // Nobody is asked any more: otherwise signing would have begun, and that goes on.
  const connected = async () => {
    const { zone } = (await (await fetch(`${stack().httpUrls.vault}/zone`)).json()) as Zone;
    return zone?.holders.filter((holder) => holder.connected).length;
  };
  await expect.poll(connected, { timeout: 20_000 }).toBe(1);
  const address = await stack().chain.newAddress();
  await post("quorum-1", address, 150_000n, "quorum");
  const waiting = await follow(stack(), "quorum-1", ["signing_delayed"]);
  expect(waiting.state).toBe("signing_delayed");
  expect(waiting.findings.map(({ rule }) => rule)).toContain("HOLDERS_UNAVAILABLE");
  expect(await paymentsTo(stack(), address)).toEqual([]);
  // What the zone has already and nobody was asked to sign is stopped there, and says so.
  const suspension = await stack().officers[0].suspend({ kind: "account", value: "quorum", reason: "a leak" });
  const detailOf = async () => (await stack().client.getWithdrawal("quorum-1")).detail;
  await expect
    .poll(detailOf, { timeout: 20_000 })
    .toMatch(/semi-offline zone waits.*: SUSPENDED: its account is suspended: a leak/);
  await stack().restart("semi-offline-signer-b");
  await stack().restart("semi-offline-signer-a");
  const left = async () => (await (await fetch(`${stack().httpUrls["ops-console"]}/`)).text()).includes("waits for it");
  await expect.poll(left, { timeout: 20_000 }).toBe(true);
  expect((await stack().client.getWithdrawal("quorum-1")).state).toBe("signing_delayed");
  await letGoOn(stack(), suspension);
  expect((await follow(stack(), "quorum-1", ["completed"])).state).toBe("completed");
  expect(await paymentsTo(stack(), address)).toHaveLength(1);
}, 120_000);
