// The facade beside a real online-risk: its users and keys, its process, and a backend that speaks OKX's API as OKX documents it.
import { type ChildProcess, spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { seedOf } from "../../online-risk/test/keys.ts";
import { type Defer, writeFiles } from "../../online-risk/test/process.ts";
import type { World } from "../../online-risk/test/world.ts";
import { hashPassphrase } from "../src/passphrase.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

export type Credentials = { readonly apiKey: string; readonly secret: string; readonly passphrase: string };

const made = (letter: string): Credentials => ({
  apiKey: `${letter.repeat(8)}-0000-4000-8000-000000000000`,
  secret: letter.repeat(48).toUpperCase(),
  passphrase: `Passphrase-${letter}`,
});

export const DESK = made("d");
/** Another key of the same user, as while keys are changed. */
export const DESK_NEW = made("e");
export const READER = made("a");
export const ELSEWHERE = made("b");
export const OTHER_DESK = made("f");

const HERE = ["127.0.0.0/8", "::1/128"];

/** Slow hashes are for real passphrases: these are quick. */
export async function usersFile() {
  const row = async ({ apiKey, passphrase }: Credentials, permissions = ["read", "withdraw"], ipAllowList = HERE) => ({
    ...{ apiKey, passphrase: await hashPassphrase(passphrase, 10), permissions, ipAllowList },
  });
  const desk = [
    row(DESK),
    row(DESK_NEW),
    row(READER, ["read"]),
    row(ELSEWHERE, ["read", "withdraw"], ["192.0.2.0/24"]),
  ];
  return [
    // The facade's own key may ask for 50,000 at once.
    { name: "desk", account: "acme", maxWithdrawalSat: "60000", keys: await Promise.all(desk) },
    { name: "desk-2", account: "other", maxWithdrawalSat: "60000", keys: [await row(OTHER_DESK)] },
  ];
}

export function secretsOfUsers(): Readonly<Record<string, string>> {
  const all = [DESK, DESK_NEW, READER, ELSEWHERE, OTHER_DESK];
  return Object.fromEntries(all.map(({ apiKey, secret }) => [apiKey, secret]));
}

/** The settings of a facade whose own key is online-risk's `limited` one. */
export async function facadeEnv(world: World, onlineRisk: string, defer: Defer): Promise<Record<string, string>> {
  const files = await writeFiles(
    {
      users: await usersFile(),
      secrets: {
        requestKeyId: world.keys.limited.keyId,
        requestSeed: seedOf(world.keys.limited),
        okxSecrets: secretsOfUsers(),
      },
    },
    defer,
  );
  return {
    SLUICE_TRUST_FILE: world.env["SLUICE_TRUST_FILE"] ?? "",
    SLUICE_SECRETS_SOURCE: files.secrets,
    SLUICE_OKX_USERS_FILE: files.users,
    SLUICE_ONLINE_RISK_URL: onlineRisk,
    SLUICE_API_PORT: "0",
    SLUICE_HTTP_PORT: "0",
  };
}

export type Facade = { readonly api: string; readonly internal: string; readonly log: readonly string[] };

export async function startFacade(env: Readonly<Record<string, string>>, defer: Defer): Promise<Facade> {
  const { child, log, ended } = run(env);
  defer(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  await new Promise<void>((resolve, reject) => {
    createInterface(child.stderr as NodeJS.ReadableStream).on("line", (line) => {
      log.push(line);
      if (line.includes('"msg":"ready"')) resolve();
    });
    void ended.then((code) => reject(new Error(`ended with ${code}: ${log.join("\n")}`)));
  });
  const port = (field: string) => new RegExp(`"${field}":([0-9]+)`).exec(log.join("\n"))?.[1];
  return { api: `http://127.0.0.1:${port("apiPort")}`, internal: `http://127.0.0.1:${port("httpPort")}`, log };
}

/** For one that is expected not to start. */
export async function runFacade(env: Readonly<Record<string, string>>) {
  const { child, log, ended } = run(env);
  createInterface(child.stderr as NodeJS.ReadableStream).on("line", (line) => log.push(line));
  return { code: await ended, log };
}

function run(env: Readonly<Record<string, string>>) {
  const child: ChildProcess = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const log: string[] = [];
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, log, ended };
}

/** The headers of OKX's documents ("REST Authentication"), made with nothing of ours. */
export function okxHeaders(
  { apiKey, secret, passphrase }: Credentials,
  method: "GET" | "POST",
  requestPath: string,
  body = "",
  atMs = Date.now(),
): Record<string, string> {
  const timestamp = new Date(atMs).toISOString();
  const sign = createHmac("sha256", secret).update(`${timestamp}${method}${requestPath}${body}`).digest("base64");
  return {
    ...{ "ok-access-key": apiKey, "ok-access-sign": sign, "ok-access-timestamp": timestamp },
    ...{ "ok-access-passphrase": passphrase, ...(body === "" ? {} : { "content-type": "application/json" }) },
  };
}

export type OkxAnswer = {
  readonly status: number;
  readonly code: string;
  readonly msg: string;
  readonly data: OkxRow[];
};
export type OkxRow = Readonly<Record<string, string>>;

/** A backend as somebody would write it from OKX's documents. */
export function okxBackend(api: string, credentials: Credentials) {
  const send = async (method: "GET" | "POST", path: string, body?: object, headers?: Record<string, string>) => {
    const requestPath = `/api/v5/asset/${path}`;
    const text = body === undefined ? "" : JSON.stringify(body);
    const response = await fetch(`${api}${requestPath}`, {
      method,
      headers: headers ?? okxHeaders(credentials, method, requestPath, text),
      ...(body === undefined ? {} : { body: text }),
    });
    return { status: response.status, ...((await response.json()) as Omit<OkxAnswer, "status">) };
  };
  return {
    send,
    withdraw: (change: object) => send("POST", "withdrawal", { ccy: "BTC", dest: "4", ...change }),
    cancel: (wdId: string) => send("POST", "cancel-withdrawal", { wdId }),
    history: (query = "") => send("GET", `withdrawal-history${query}`),
    status: (wdId: string) => send("GET", `deposit-withdraw-status?wdId=${wdId}`),
    currencies: (query = "") => send("GET", `currencies${query}`),
  };
}
