// Reads an answer that has to be a refusal in its one form.
import { expect } from "vitest";
import { PROBLEM_CONTENT_TYPE, type ProblemDetails } from "../src/index.ts";

const UUID_URN = /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
export async function refusal(answer: Response): Promise<ProblemDetails> {
  expect(answer.headers.get("content-type")).toBe(PROBLEM_CONTENT_TYPE);
  const details = (await answer.json()) as ProblemDetails;
  expect(details.status).toBe(answer.status);
  expect(details.instance).toMatch(UUID_URN);
  expect(details.type).toBe(`urn:sluice:problem:${details.code.toLowerCase().replaceAll("_", "-")}`);
  return details;
}
