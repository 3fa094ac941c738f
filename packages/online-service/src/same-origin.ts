// A page of somebody else must not press our buttons in the browser of a person who can reach this address.
import { type HttpServer, problem } from "@sluice/http";

/**
 * Refuses whatever could change something and comes from a page of another origin. Browsers send Origin with every such
 * request, and Sec-Fetch-Site too where they trust the address (Fetch Metadata, W3C); programs send neither.
 */
export function refuseOtherOrigins(http: HttpServer): void {
  http.addHook("onRequest", async ({ method, headers }) => {
    if (method === "GET" || method === "HEAD") return;
    const { origin, host, "sec-fetch-site": site } = headers;
    const ownOrigin = origin === undefined || (URL.canParse(origin) && new URL(origin).host === host);
    if (ownOrigin && (site === undefined || site === "same-origin")) return;
    throw problem({ status: 403, code: "CROSS_SITE", title: "Only a page of this address may do this" });
  });
}
