// The shapes of signals, as the exchange's backend writes them and as the rules read them.
import { isIP } from "node:net";
import { idSchema, minorUnitsSchema } from "@sluice/contracts";
import { z } from "zod";

const asset = z.string().min(1).max(16);

export const CREDENTIALS = ["password", "secondFactor", "apiKey", "addressBook", "email", "phone"] as const;
export type Credential = (typeof CREDENTIALS)[number];

const told = {
  id: idSchema.describe("The backend's own id of the event, once for an account: telling it again changes nothing."),
  account: idSchema.describe("Whose account it happened in."),
  at: z.iso
    .datetime({ offset: true, error: "must be a time such as 2026-01-31T12:00:00Z" })
    .describe("When it happened."),
};

const login = z.strictObject({
  type: z.literal("login"),
  ...told,
  succeeded: z.boolean().default(true),
  device: z.string().min(1).max(128).describe("The same for the same device, as far as the backend can tell."),
  ip: z.string().refine((text) => isIP(text) !== 0, "must be an IPv4 or IPv6 address"),
  country: z.string().regex(/^[A-Z]{2}$/, "must be a country's two letters (ISO 3166-1)"),
  asn: z.number().int().min(1).max(4_294_967_295).optional().describe("The autonomous system that the address is in."),
  place: z
    .strictObject({ latitude: z.number().min(-90).max(90), longitude: z.number().min(-180).max(180) })
    .optional()
    .describe("In degrees (WGS 84), as far as it is known."),
});

const credential = z.strictObject({
  type: z.literal("credential"),
  ...told,
  changed: z.enum(CREDENTIALS).describe("What was added, removed or made anew."),
});

const deposit = z.strictObject({ type: z.literal("deposit"), ...told, asset, amount: minorUnitsSchema });

const profit = z.strictObject({
  type: z.literal("profit"),
  ...told,
  amount: z
    .string()
    .regex(/^-?(0|[1-9][0-9]{0,37})$/, "must be decimal digits, with a minus for a loss")
    .describe("What trades have gained or lost, in minor units of the policy's reference currency."),
});

const balance = z.strictObject({ type: z.literal("balance"), ...told, asset, amount: minorUnitsSchema });

export const signalSchema = z.discriminatedUnion("type", [login, credential, deposit, profit, balance]);

/** The body of POST /v1/signals. */
export const signalsSchema = z
  .strictObject({ signals: z.array(signalSchema).min(1).max(1_000) })
  .meta({ id: "Signals" });

export const OUTCOMES = ["stored", "known", "conflict"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** The answer to it, in the order in which they were told. */
export const signalsAnswerSchema = z
  .object({
    signals: z
      .array(
        z
          .object({
            account: idSchema,
            id: idSchema,
            outcome: z
              .enum(OUTCOMES)
              .describe(
                "known: told before, word for word. conflict: the id stands for something else; nothing was changed.",
              ),
          })
          .readonly(),
      )
      .readonly(),
  })
  .readonly()
  .meta({ id: "SignalsAnswer" });

export type SignalOutcome = z.output<typeof signalsAnswerSchema>["signals"][number];

/** As it is told. */
export type ToldSignal = z.input<typeof signalSchema>;

type Event = { readonly id: string; readonly account: string; readonly atMs: number };

export type Login = Event & {
  readonly type: "login";
  readonly succeeded: boolean;
  readonly device: string;
  readonly ip: string;
  readonly country: string;
  readonly asn: number | null;
  readonly place: Place | null;
};
/** In degrees. */
export type Place = { readonly latitude: number; readonly longitude: number };
export type CredentialChange = Event & { readonly type: "credential"; readonly changed: Credential };
export type Deposit = Event & { readonly type: "deposit"; readonly asset: string; readonly amountMinor: bigint };
/** In minor units of the reference currency; below zero for a loss. */
export type Profit = Event & { readonly type: "profit"; readonly amountMinor: bigint };
export type Balance = Event & { readonly type: "balance"; readonly asset: string; readonly amountMinor: bigint };
export type Signal = Login | CredentialChange | Deposit | Profit | Balance;

/** As the rules read it. @throws TypeError for what the schema does not take: ask it first. */
export function readSignal(told: ToldSignal): Signal {
  const parsed = signalSchema.safeParse(told);
  if (!parsed.success)
    throw new TypeError(`no signal: ${parsed.error.issues.map(({ path }) => path.join(".")).join()}`);
  const { at, ...signal } = parsed.data;
  const event = { id: signal.id, account: signal.account, atMs: Date.parse(at) };
  switch (signal.type) {
    case "login":
      return { ...event, ...signal, asn: signal.asn ?? null, place: signal.place ?? null };
    case "credential":
      return { ...event, type: signal.type, changed: signal.changed };
    case "profit":
      return { ...event, type: signal.type, amountMinor: BigInt(signal.amount) };
    default:
      return { ...event, type: signal.type, asset: signal.asset, amountMinor: BigInt(signal.amount) };
  }
}
