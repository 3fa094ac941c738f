// Webhooks on real parts, with a receiver of its own and changes of withdrawals to tell of.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessageOf, OutgoingMessage } from "@sluice/contracts";
import { makeCertificate } from "@sluice/guarded-post/testing";
import { type Deployment, openDeployment } from "@sluice/online-service/testing";
import { openReceiver, type Receiver } from "./receiver.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/** What an endpoint's webhooks are signed with, and what its receiver knows of it. The specification's own example keys. */
const KEYS = {
  backend: {
    signs: "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc=",
    verifies: "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
  },
  audit: { signs: SECRET, verifies: SECRET },
};

export type World = Deployment & { readonly receiver: Receiver };

export async function openWorld(env: Readonly<Record<string, string>> = {}): Promise<World> {
  const certificate = makeCertificate([], ["127.0.0.1"]);
  const receiver = await openReceiver(certificate, {
    backend: KEYS.backend.verifies,
    audit: KEYS.audit.verifies,
  });
  const folder = mkdtempSync(join(tmpdir(), "webhooks-ca-"));
  writeFileSync(join(folder, "ca.pem"), certificate.cert);
  const deployment = await openDeployment({
    service: "webhooks",
    main: new URL("../src/main.ts", import.meta.url),
    env: {
      SLUICE_WEBHOOK_CA_FILE: join(folder, "ca.pem"),
      SLUICE_WEBHOOK_ALLOWED_NETWORKS: "127.0.0.1/32",
      SLUICE_WEBHOOK_TIMEOUT_MS: "500ms",
      SLUICE_WEBHOOK_RETRY_FIRST_MS: "50ms",
      SLUICE_WEBHOOK_PROBE_EVERY_MS: "100ms",
      ...env,
    },
    files: {
      SLUICE_WEBHOOK_ENDPOINTS_FILE: [
        { name: "backend", url: receiver.url("backend"), since: "2020-01-01T00:00:00Z" },
        {
          ...{ name: "audit", url: receiver.url("audit"), since: "2020-01-01T00:00:00Z", atOnce: 4 },
          ...{ events: ["completed"], accounts: ["alice"] },
        },
      ],
    },
    secrets: { webhookKeys: { backend: [KEYS.backend.signs], audit: [KEYS.audit.signs] } },
  });
  return {
    ...deployment,
    receiver,
    close: async () => {
      await deployment.close();
      await receiver.close();
      rmSync(folder, { recursive: true });
    },
  };
}

type Change = MessageOf<"withdrawal.changed.v1">;

/** One step of a withdrawal, as online-risk tells it. */
export function change(
  withdrawalId: string,
  revision: number,
  fields: Partial<Change> = {},
): OutgoingMessage<"withdrawal.changed.v1"> {
  const message: Change = {
    ...{ withdrawalId, revision, account: "alice", asset: "BTC", amountMinor: "150000", address: "bcrt1q" },
    ...{ state: "received", detail: "", transactionId: "", confirmations: 0, findings: [] },
    changedAtMs: 1_700_000_000_000 + revision,
    ...fields,
  };
  return { id: `${withdrawalId}/${revision}`, key: withdrawalId, occurredAtMs: message.changedAtMs, message };
}
