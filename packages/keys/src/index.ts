// A holder's secret key in guarded memory, and the native curve that works on it there.
export { loadNativeCurve, type NativeCurve } from "./native-curve.ts";
export { readSecretKey, type SecretKey, SecretKeyError } from "./secret-key.ts";
