// The semi-offline zone's newest word of itself, which vault keeps and passes on.
export * from "./zone-news.ts";
