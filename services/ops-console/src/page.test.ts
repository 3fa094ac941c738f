// The pages: whatever stands in any field, it is text, and the page's structure stays the same.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Overview, overviewPage, withdrawalPage } from "./page.ts";
import type { ListedChange } from "./store.ts";

const NOW_MS = 1_700_000_000_000;

/** A page on which every text comes from outside. */
function overviewWith(text: (field: string) => string): Overview {
  return {
    suspensions: [
      {
        ...{ id: text("suspensionId"), kind: "account", value: text("value"), reason: text("suspensionReason") },
        ...{ suspendedBy: text("suspendedBy"), suspendedAt: new Date(NOW_MS), waiting: 1 },
      },
    ],
    withdrawals: [
      {
        withdrawalId: text("withdrawalId"),
        account: text("account"),
        asset: text("asset"),
        amountMinor: "1",
        address: text("address"),
        state: text("state"),
        detail: text("detail"),
        transactionId: text("transactionId"),
        walletId: text("walletId"),
        confirmations: 0,
        changedAt: new Date(NOW_MS),
      },
    ],
    services: [
      {
        name: text("service"),
        ready: false,
        dependencies: [{ name: text("dependency"), ok: false, detail: text("dependencyDetail") }],
        deadLetters: [
          {
            id: "1",
            topic: text("topic"),
            key: text("key"),
            code: text("code"),
            reason: text("reason"),
            attempts: 1,
            parkedAt: text("parkedAt"),
          },
        ],
      },
    ],
    zone: { occurredAt: new Date(NOW_MS), report: { [text("reportField")]: text("reportValue") } },
    notices: [
      {
        ...{ type: text("noticeType"), key: text("noticeKey"), occurredAt: new Date(NOW_MS) },
        body: { [text("noticeField")]: text("noticeValue") },
      },
    ],
  };
}

function changesWith(text: (field: string) => string): readonly ListedChange[] {
  const [first] = overviewWith(text).withdrawals;
  if (first === undefined) throw new Error("there is one");
  return [{ ...first, revision: 1, findings: [{ rule: text("rule"), evidence: { [text("name")]: text("value") } }] }];
}

/** As a browser reads it (WHATWG HTML, tokenization): tags with the names of their attributes, and the text between. */
function read(page: string): { readonly tags: readonly string[]; readonly text: string } {
  const tags: string[] = [];
  let text = "";
  for (let at = 0; at < page.length; ) {
    const tag = /<\/?[a-zA-Z!](?:[^"'>]|"[^"]*"|'[^']*')*>/y;
    tag.lastIndex = at;
    const found = tag.exec(page)?.[0];
    if (found === undefined) {
      text += page[at];
      at += 1;
      continue;
    }
    tags.push(found.replaceAll(/"[^"]*"/g, '""'));
    at += found.length;
  }
  return {
    tags,
    text: text
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">")
      .replaceAll("&quot;", '"')
      .replaceAll("&#39;", "'")
      .replaceAll("&amp;", "&"),
  };
}

const hostile = fc.oneof(
  fc.constantFrom(
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'onmouseover='alert(1)",
    "</td></tr></table><form action=//elsewhere>",
    "<!--",
    "]]>",
    "&lt;b&gt;",
    "javascript:alert(1)",
    "../../dead-letters/1/discard",
  ),
  fc.string({ unit: fc.constantFrom("<", ">", "&", '"', "'", "/", "=", "a", " ", "\u2028", "é") }),
  fc.string({ unit: "grapheme" }),
);

const FIELDS = [...fieldsOf((text) => overviewPage(overviewWith(text), NOW_MS))];
const CHANGE_FIELDS = [...fieldsOf((text) => withdrawalPage("w", changesWith(text)))];

function fieldsOf(render: (text: (field: string) => string) => string): ReadonlySet<string> {
  const fields = new Set<string>();
  render((field) => {
    fields.add(field);
    return field;
  });
  return fields;
}

describe("a page", () => {
  it.each([
    ["of the overview", FIELDS, (text: (field: string) => string) => overviewPage(overviewWith(text), NOW_MS)],
    [
      "of a withdrawal",
      CHANGE_FIELDS,
      (text: (field: string) => string) => withdrawalPage(text("detail"), changesWith(text)),
    ],
  ] as const)("%s keeps its structure whatever one of its fields holds", (_, fields, render) => {
    expect(fields.length).toBeGreaterThan(8);
    const harmless = read(render(() => "harmless"));
    fc.assert(
      fc.property(fc.constantFrom(...fields), hostile, (field, value) => {
        const page = read(render((other) => (other === field ? value : "harmless")));
        expect(page.tags).toEqual(harmless.tags);
      }),
      { numRuns: 500 },
    );
  });

  it("shows a hostile text as that text", () => {
    fc.assert(
      fc.property(hostile, (value) => {
        const page = overviewPage(
          overviewWith((field) => (field === "detail" ? `[${value}]` : field)),
          NOW_MS,
        );
        expect(read(page).text).toContain(`[${value}]`);
      }),
    );
  });

  it("keeps a hostile name inside the one part of a path that it is", () => {
    const page = overviewPage(
      overviewWith(() => '../x"?#'),
      NOW_MS,
    );
    expect(page).toContain('href="/withdrawals/..%2Fx%22%3F%23"');
    expect(page).toContain('data-post="/services/..%2Fx%22%3F%23/dead-letters/1/retry"');
  });

  it("writes an amount in its asset, and one of an unknown asset in minor units", () => {
    const [withdrawal] = overviewWith((field) => field).withdrawals;
    if (withdrawal === undefined) throw new Error("there is one");
    const show = (asset: string) =>
      overviewPage(
        {
          suspensions: [],
          services: [],
          zone: null,
          notices: [],
          withdrawals: [{ ...withdrawal, asset, amountMinor: "150000" }],
        },
        NOW_MS,
      );
    expect(show("BTC")).toContain("<td>0.00150000 BTC</td>");
    expect(show("DOGE")).toContain("<td>150000 minor units of DOGE</td>");
  });

  it.each([
    [0, "Heard at"],
    [59_999, "Heard at"],
    [60_001, "Silent since"],
  ])("says of a zone last heard %i ms ago: %s", (ageMs, words) => {
    const zone = { occurredAt: new Date(NOW_MS - ageMs), report: {} };
    expect(overviewPage({ suspensions: [], services: [], withdrawals: [], notices: [], zone }, NOW_MS)).toContain(
      words,
    );
  });

  it("says when nothing was heard of the zone and no letter is dead", () => {
    const page = overviewPage({ suspensions: [], services: [], withdrawals: [], notices: [], zone: null }, NOW_MS);
    expect(page).toContain("Nothing was heard from it yet.");
    expect(page).toContain("None.");
  });
});
