// POST /v1/screenings: what is known of addresses, and what the policy makes of it, for the exchange's own use.
import type { Policies } from "@sluice/active-policy";
import { canonicalAddress, chainOfNetwork, tierOfScreened } from "@sluice/address-labels";
import { type ScreenedAddress, screeningRequestSchema, screeningSchema } from "@sluice/client/api";
import { ok } from "@sluice/core";
import { type RouteGroup, signed } from "@sluice/gate";
import { judgeLabels, type Policy } from "@sluice/online-rules";
import type { Screening } from "@sluice/screening";

export type ScreeningRouteOptions = {
  readonly screening: Pick<Screening, "screen" | "status">;
  readonly policies: Pick<Policies, "active">;
  readonly network: Parameters<typeof chainOfNetwork>[0];
  readonly now: () => number;
};

type Result = ScreenedAddress;

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
