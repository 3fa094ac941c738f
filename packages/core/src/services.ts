// The services in the order in which a withdrawal travels through them. README, compose file and demo keep this order.

export type Zone = "online" | "semi-offline";

export type ServiceRow = {
  readonly name: string;
  readonly zone: Zone;
  /** Semi-offline processes answer for themselves over the bridge only. */
  readonly http: boolean;
};

export const SERVICES = [
  { name: "online-risk", zone: "online", http: true },
  { name: "vault", zone: "online", http: true },
  { name: "semi-offline-risk", zone: "semi-offline", http: false },
  { name: "semi-offline-signer", zone: "semi-offline", http: false },
  { name: "treasury", zone: "online", http: true },
  { name: "blockchain-gateway", zone: "online", http: true },
  { name: "ops-console", zone: "online", http: true },
  { name: "webhooks", zone: "online", http: true },
  { name: "okx-facade", zone: "online", http: true },
] as const satisfies readonly ServiceRow[];

export type ServiceName = (typeof SERVICES)[number]["name"];
