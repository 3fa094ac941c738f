// Templates: every value is text, between tags and inside an attribute, unless it came out of a template itself.
import { expect, it } from "vitest";
import { html } from "./html.ts";

const HOSTILE = `<b title="x" id='y'>&amp;</b>`;
const ESCAPED = "&lt;b title=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;&lt;/b&gt;";

it("escapes what could end a text or an attribute", () => {
  expect(html`<i title="${HOSTILE}">${HOSTILE}</i>`.text).toBe(`<i title="${ESCAPED}">${ESCAPED}</i>`);
});

it("leaves alone what is HTML already, one or many, and escapes it once only", () => {
  const inner = html`<b>${"<"}</b>`;
  expect(html`<i>${inner}${[inner, inner]}${7}${[]}</i>`.text).toBe("<i><b>&lt;</b><b>&lt;</b><b>&lt;</b>7</i>");
});

it("does not believe that a value is HTML because it looks like it", () => {
  const forged = { text: "<script>" } as unknown as string;
  expect(() => html`${forged}`).toThrow();
});
