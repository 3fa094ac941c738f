// Posts to addresses that somebody else names, and reaches nobody inside by it (server-side request forgery).
export { type Network, parseNetwork, refusedAs } from "./addresses.ts";
export { createPoster, type Poster, type PosterOptions, type PostOutcome } from "./post.ts";
export { targetFault } from "./target.ts";
