// What every service of the online zone is made of, so that each service's own code is only what is its own.
export { announce, announceAll } from "./announce.ts";
export { type OnlineService, openOnlineService } from "./open.ts";
export { type Serving, serve } from "./serve.ts";
export { onlineSecrets, onlineSettings } from "./settings.ts";
