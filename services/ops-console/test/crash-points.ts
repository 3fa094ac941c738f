// The durable effects of ops-console by name, each walked through before and after it: those of its handlers. The rest is what every
// online service does alike, which is treasury's to walk through.
export const EFFECTS = ["messaging/settle settleTogether", "kafka offset"] as const;
