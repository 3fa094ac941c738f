// What a withdrawal is called on both sides, without a table: its id here is made of the user and the client's own id, and OKX's
// wdId, which is written in digits, is the id's own bytes as one number.
import { withdrawalIdSchema } from "@sluice/contracts";

/** OKX: "case-sensitive alphanumerics, all numbers, or all letters of up to 32 characters". */
const CLIENT_ID = /^[A-Za-z0-9]{1,32}$/;

export function isClientId(text: string): boolean {
  return CLIENT_ID.test(text);
}

/** A user's name holds no point, so no two users' ids are the same, and none of them is another key's that has an idPrefix. */
export function prefixOf(user: string): string {
  return `okx.${user}.`;
}

/** Of the user, not of one of the user's keys: who repeats a request with a newer key repeats the same withdrawal. */
export function withdrawalIdOf(user: string, clientId: string): string {
  return `${prefixOf(user)}${clientId}`;
}

/** Empty, as OKX has it, where the withdrawal was not requested through here by this user. */
export function clientIdOf(user: string, withdrawalId: string): string {
  const rest = withdrawalId.startsWith(prefixOf(user)) ? withdrawalId.slice(prefixOf(user).length) : "";
  return isClientId(rest) ? rest : "";
}

export function wdIdOf(withdrawalId: string): string {
  return BigInt(`0x${Buffer.from(withdrawalId, "latin1").toString("hex")}`).toString();
}

/** Null for digits that are nobody's. An id begins with a letter or digit, so its number has one form. */
export function withdrawalIdFrom(wdId: string): string | null {
  if (!/^[1-9][0-9]{0,159}$/.test(wdId)) return null;
  const hex = BigInt(wdId).toString(16);
  const id = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex").toString("latin1");
  return withdrawalIdSchema.safeParse(id).success ? id : null;
}
