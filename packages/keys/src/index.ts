// A holder's secret key in guarded memory, the native curve that works on it there, and the process that both are in.
export { hardenProcess } from "./harden-process.ts";
export { type CurveChoice, loadNativeCurve, type NativeCurve, parseCurveChoice } from "./native-curve.ts";
export { holdSecretKey, type SecretKey, SecretKeyError } from "./secret-key.ts";
