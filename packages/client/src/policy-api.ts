// The shapes of the policy at the API: its versions, what people decide about them, and what a replay finds.
import { z } from "zod";

const atMs = z.number().int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "is a SHA-256 in hexadecimal");

/** The longest text that is proposed over the API. */
export const LONGEST_POLICY = 128 * 1024;

const versionShape = {
  version: z.number().int().min(1),
  state: z
    .enum(["proposed", "active", "superseded", "withdrawn"])
    .describe("Exactly one is active. What was active or withdrawn never becomes active again: it is proposed anew."),
  sha256: sha256.describe("Of what it says; comments and order do not matter."),
  basedOn: z.number().int().min(1).nullable().describe("The version that was active when it was proposed."),
  proposedBy: z.string().nullable().describe("The key; null of the first version, which was given at the first start."),
  person: z.string().nullable(),
  proposedAtMs: atMs,
  decision: z
    .object({
      kind: z.enum(["activated", "withdrawn"]),
      by: z.string().nullable(),
      person: z.string().nullable(),
      atMs,
    })
    .readonly()
    .nullable(),
};

export const policyVersionSchema = z.object(versionShape).readonly().meta({ id: "PolicyVersion" });

export const policyDetailsSchema = z
  .object({ ...versionShape, text: z.string().describe("As it was written.") })
  .readonly()
  .meta({ id: "PolicyDetails" });

export const policyListSchema = z
  .object({
    policies: z.array(policyVersionSchema).readonly().describe("Newest first."),
    nextCursor: z.string().nullable(),
  })
  .readonly()
  .meta({ id: "PolicyList" });

export const policiesQuerySchema = z.strictObject({
  cursor: z
    .string()
    .regex(/^[1-9][0-9]{0,8}$/, "is a nextCursor of an earlier page")
    .optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

export const policyNumberSchema = z.coerce.number().int().min(1).max(999_999_999);

const text = z.string().min(1).max(LONGEST_POLICY).describe("YAML 1.2, so JSON too.");

export const newPolicySchema = z.strictObject({ text }).meta({ id: "NewPolicy" });

export const policyActivationSchema = z
  .strictObject({ sha256: sha256.describe("Of the content that the person who activates it has read.") })
  .meta({ id: "PolicyActivation" });

export const policyReplaySchema = z
  .strictObject({
    text,
    limit: z.number().int().min(1).max(100).default(50).describe("So many withdrawals, the newest first."),
    cursor: z
      .string()
      .regex(/^[1-9][0-9]{0,17}$/, "is a nextCursor of an earlier page")
      .optional(),
  })
  .meta({ id: "PolicyReplay" });

const verdict = z
  .object({
    kind: z.enum(["clear", "delay", "hold", "reject"]),
    approvals: z.number().int().optional().describe("Of a hold."),
    untilMs: atMs.optional().describe("Of a delay."),
  })
  .readonly()
  .meta({ id: "ReplayedVerdict" });

export const replayedSchema = z
  .object({
    id: z.string(),
    account: z.string(),
    asset: z.string(),
    amount: z.string(),
    judgement: z
      .enum(["first", "last"])
      .describe("What is judged more than once is replayed as it was first and last."),
    judgedAtMs: atMs,
    judgedBy: z
      .number()
      .int()
      .nullable()
      .describe("The version by which it was judged then; null before there were any."),
    recorded: z.enum(["clear", "delay", "hold", "reject"]),
    active: verdict,
    candidate: verdict,
    rules: z
      .array(
        z
          .object({
            rule: z.string(),
            active: verdict.nullable().describe("Null when this policy does not ask the rule."),
            candidate: verdict.nullable(),
            reason: z.string().describe("The candidate's; the active policy's where the candidate does not ask."),
          })
          .readonly(),
      )
      .readonly()
      .describe("Those that say something else."),
    unknown: z.array(z.string()).readonly().describe("Codes of facts of it that are not known any more."),
  })
  .readonly()
  .meta({ id: "Replayed" });

export const replaySchema = z
  .object({
    active: z.object({ version: z.number().int(), sha256 }).readonly(),
    candidate: z.object({ sha256 }).readonly(),
    withdrawals: z.number().int().describe("So many were looked at."),
    judgements: z.number().int().describe("So many were replayed."),
    notJudged: z.number().int().describe("Received, and not judged yet."),
    totals: z
      .array(
        z
          .object({ asset: z.string(), from: z.string(), to: z.string(), count: z.number().int(), amount: z.string() })
          .readonly(),
      )
      .readonly()
      .describe("First judgements by the kinds of verdict of the active policy and of the candidate."),
    changes: z.array(replayedSchema).readonly(),
    controlled: z.number().int().describe("Judgements that the active version itself made: it has to make them again."),
    notReproduced: z
      .array(
        z
          .object({ id: z.string(), judgement: z.enum(["first", "last"]), rules: z.array(z.string()).readonly() })
          .readonly(),
      )
      .readonly()
      .describe("Of those, where the facts could not be had as they were; with the rules that say something else."),
    nextCursor: z.string().nullable(),
  })
  .readonly()
  .meta({ id: "Replay" });

export type ApiPolicyVersion = z.infer<typeof policyVersionSchema>;
export type ApiPolicy = z.infer<typeof policyDetailsSchema>;
export type PolicyList = z.infer<typeof policyListSchema>;
export type Replayed = z.infer<typeof replayedSchema>;
export type ReplayedVerdict = Replayed["active"];
export type Replay = z.infer<typeof replaySchema>;
