// What is measured of vault's wallets: the tables are asked when somebody reads the metrics.
import type { OnlineService } from "@sluice/online-service";
import { type FeePolicy, feeRates } from "@sluice/planning";
import {
  countTasks,
  feeHistory,
  listRefills,
  listStoppedLanes,
  sumCoins,
  summariseWaiting,
} from "@sluice/wallet-memory";

const TASK_STATES = [
  ...["planned", "submitted", "delayed", "refused", "stuck_for_person", "signed", "confirmed", "superseded"],
] as const;

export function measureTables({ metrics, pool }: OnlineService): void {
  metrics.gauge({
    name: "sluice_vault_tasks",
    help: "Signature tasks by state. One that is stuck_for_person is an alarm.",
    labels: ["state"],
    collect: async (gauge) => {
      const counts = await countTasks(pool);
      for (const state of TASK_STATES) gauge.set({ state }, counts.get(state) ?? 0);
    },
  });
  metrics.gauge({
    name: "sluice_vault_coins_sat",
    help: "What the coins of all wallets are worth by state.",
    labels: ["state"],
    collect: async (gauge) => {
      for (const [state, sat] of Object.entries(await sumCoins(pool))) gauge.set({ state }, Number(sat));
    },
  });
  metrics.gauge({
    name: "sluice_vault_waiting_withdrawals",
    help: "Cleared withdrawals that are not planned, by the code of what they wait for.",
    labels: ["code"],
    collect: async (gauge) => {
      gauge.reset();
      // Always there, so that an alarm on it does not have to tell absence from zero.
      gauge.set({ code: "INSUFFICIENT_FUNDS" }, 0);
      for (const [code, count] of (await summariseWaiting(pool)).withdrawals) gauge.set({ code }, count);
    },
  });
  metrics.gauge({
    name: "sluice_vault_lane_stopped_info",
    help: "1 for a wallet for which nothing is planned because somebody else spent a coin of it. An alarm.",
    labels: ["wallet"],
    collect: async (gauge) => {
      gauge.reset();
      for (const { walletId } of await listStoppedLanes(pool)) gauge.set({ wallet: walletId }, 1);
    },
  });
  metrics.gauge({
    name: "sluice_vault_oldest_waiting_seconds",
    help: "How long the oldest cleared withdrawal has waited to be planned.",
    collect: async (gauge) => gauge.set((await summariseWaiting(pool)).oldestSeconds),
  });
}

export function measurePlanning({ metrics, pool }: OnlineService, policy: FeePolicy): void {
  const rates = async () => feeRates(policy, await feeHistory(pool), Date.now());
  metrics.gauge({
    name: "sluice_vault_fee_rate_sat_per_vbyte",
    help: "What a transaction planned now pays, by priority.",
    labels: ["priority"],
    collect: async (gauge) => {
      for (const [priority, rate] of Object.entries((await rates()).satPerKvbyte))
        gauge.set({ priority }, Number(rate) / 1000);
    },
  });
  metrics.gauge({
    name: "sluice_vault_fee_alarm_info",
    help: "1 while the newest estimate of the nodes is not believed as it is, or is missing, by code.",
    labels: ["code"],
    collect: async (gauge) => {
      const { alarms, source } = await rates();
      gauge.reset();
      gauge.set({ code: "FEE_NOT_ESTIMATED" }, source === "estimate" ? 0 : 1);
      for (const { code } of alarms) gauge.set({ code }, 1);
    },
  });
  metrics.gauge({
    name: "sluice_vault_refill_missing_sat",
    help: "What has to come in so that all that wait for funds can be paid, as told last.",
    labels: ["wallet"],
    collect: async (gauge) => {
      for (const { walletId, missingSat } of await listRefills(pool))
        gauge.set({ wallet: walletId }, Number(missingSat));
    },
  });
}
