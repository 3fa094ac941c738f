// Asks every online service how it is. One that does not answer is shown as such, never left out.
import { z } from "zod";
import type { ServiceAddress } from "./config.ts";

const ANSWER_WITHIN_MS = 2_000;

const dependencies = z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() }));
const readiness = z.object({ dependencies });
const deadLetters = z.object({
  deadLetters: z.array(
    z.object({
      // A number to the service, but more digits than every program reads exactly.
      id: z.string().regex(/^[0-9]+$/),
      topic: z.string(),
      key: z.string().nullable(),
      code: z.string(),
      reason: z.string(),
      attempts: z.number(),
      parkedAt: z.string(),
    }),
  ),
});

export type ServiceOverview = {
  readonly name: string;
  readonly ready: boolean;
  readonly dependencies: z.output<typeof dependencies>;
  readonly deadLetters: z.output<typeof deadLetters>["deadLetters"];
};

export function overviewOf(services: readonly ServiceAddress[]): Promise<readonly ServiceOverview[]> {
  return Promise.all(services.map(overviewOfOne));
}

/** The two are asked apart: a service whose database is away still says what it lacks. */
async function overviewOfOne(service: ServiceAddress): Promise<ServiceOverview> {
  const [health, letters] = await Promise.all([
    readAnswer(service, "/readyz", readiness),
    readAnswer(service, "/dead-letters", deadLetters),
  ]);
  const faults = [
    ...(health.ok ? [] : [{ name: "the service itself", ok: false, detail: health.detail }]),
    ...(letters.ok ? [] : [{ name: "its dead letters", ok: false, detail: letters.detail }]),
  ];
  return {
    name: service.name,
    ready: health.ok && health.status === 200,
    dependencies: [...(health.ok ? health.value.dependencies : []), ...faults],
    deadLetters: letters.ok ? letters.value.deadLetters : [],
  };
}

type Read<T> =
  | { readonly ok: true; readonly status: number; readonly value: T }
  | { readonly ok: false; readonly detail: string };

async function readAnswer<S extends z.ZodType>(
  service: ServiceAddress,
  path: string,
  shape: S,
): Promise<Read<z.output<S>>> {
  try {
    const { status, body } = await askService(service, path);
    const read = shape.safeParse(body);
    return read.success
      ? { ok: true, status, value: read.data }
      : { ok: false, detail: `answered ${status} with something else` };
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

export type Answer = { readonly status: number; readonly contentType: string; readonly body: unknown };

/** Throws when nothing comes back in time, or no JSON. */
export async function askService({ url }: ServiceAddress, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(new URL(path, url), { ...init, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  const contentType = response.headers.get("content-type") ?? "application/json";
  return { status: response.status, contentType, body: await response.json() };
}
