// POST /v1/screenings: what is known of addresses, and what the policy makes of it, for the exchange's own use.
import type { Policies } from "@sluice/active-policy";
import { canonicalAddress, chainOfNetwork, TIERS, tierOfScreened } from "@sluice/address-labels";
import { ok } from "@sluice/core";
import { type RouteGroup, signed } from "@sluice/gate";
import { judgeLabels, type Policy } from "@sluice/online-rules";
import type { Screening } from "@sluice/screening";
import { z } from "zod";

export type ScreeningRouteOptions = {
  readonly screening: Pick<Screening, "screen" | "status">;
  readonly policies: Pick<Policies, "active">;
  readonly network: Parameters<typeof chainOfNetwork>[0];
  readonly now: () => number;
};

const MOST = 100;

const screeningRequestSchema = z
  .strictObject({
    addresses: z
      .array(z.strictObject({ chain: z.string().min(1).max(32), address: z.string().min(1).max(256) }))
      .min(1)
      .max(MOST),
  })
  .meta({ id: "ScreeningRequest", description: "Addresses, each with its chain's name: bitcoin, ethereum, tron, …" });

const labelSchema = z.object({
  tier: z.enum(TIERS),
  category: z.string(),
  source: z.string(),
  confidence: z.number().int(),
  since: z.string(),
});

const resultSchema = z.object({
  chain: z.string(),
  address: z.string(),
  /** `refused` is no address of this chain; `unknown` means that the labels cannot be asked, and not that there are none. */
  outcome: z.enum(["labelled", "unlabelled", "unknown", "refused"]),
  code: z.string().nullable(),
  tier: z.enum(TIERS).nullable(),
  /** What the rule of labels would say of a withdrawal to it now; null where it was refused. */
  verdict: z.enum(["clear", "delay", "hold", "reject"]).nullable(),
  reason: z.string(),
  labels: z.array(labelSchema),
});

const screeningSchema = z
  .object({
    results: z.array(resultSchema),
    /** Of the labels that were asked; null where there are none. */
    labelsVersion: z.number().int().nullable(),
    labelsMadeAt: z.string().nullable(),
  })
  .meta({ id: "Screening" });

type Result = z.output<typeof resultSchema>;

export function screeningRoutes(options: ScreeningRouteOptions): RouteGroup {
  return ({ server, asks, answered }) => {
    server.post(
      "/v1/screenings",
      {
        preValidation: asks("read"),
        schema: {
          operationId: "screenAddresses",
          summary: "Screen up to 100 addresses",
          description: DESCRIPTION,
          body: screeningRequestSchema,
          response: { 200: screeningSchema },
          ...signed("read"),
        },
      },
      async (request) =>
        answered(request, async (tx) => {
          const { policy } = await options.policies.active(tx);
          const status = options.screening.status();
          return ok({
            results: request.body.addresses.map((one) => screenOne(options, policy, one)),
            labelsVersion: status?.version ?? null,
            labelsMadeAt: status === null ? null : new Date(status.madeAtMs).toISOString(),
          });
        }),
    );
  };
}

const DESCRIPTION = `Answers by position, also for what is no address. Nothing is stored but the nonce. Bitcoin addresses are one in all
their spellings, the checksum of an EVM address has to be right (EIP-55), and labels of all EVM chains count on each of them.`;

function screenOne(
  { screening, network, now }: ScreeningRouteOptions,
  policy: Pick<Policy, "labels" | "screening">,
  one: { readonly chain: string; readonly address: string },
): Result {
  const nothing = { ...one, code: null, tier: null, verdict: null, labels: [] };
  const canonical = canonicalAddress(one.chain, one.address);
  if (!canonical.ok) {
    const { code, detail } = canonical.refusal;
    return { ...nothing, outcome: "refused", code, reason: `This is refused: ${detail}.` };
  }
  const isOurs = one.chain === chainOfNetwork(network);
  const own = isOurs ? policy.labels.get(Buffer.from(canonical.value).toString("hex")) : undefined;
  const screened = screening.screen(one.chain, canonical.value);
  const { verdict, reason } = judgeLabels(policy.screening, own, screened, now());
  const judged = { ...nothing, verdict: verdict.kind, reason };
  if (screened.kind === "unknown" && own === undefined) return { ...judged, outcome: "unknown", code: screened.code };
  const labels = screened.kind === "labels" ? screened.labels : [];
  const found = screened.kind === "labels" ? tierOfScreened(screened, 0) : null;
  const tier = own?.tier ?? found?.tier ?? null;
  return {
    ...judged,
    outcome: tier === null ? "unlabelled" : "labelled",
    tier,
    labels: labels.map(({ sinceMs, ...label }) => ({ ...label, since: new Date(sinceMs).toISOString() })),
  };
}
