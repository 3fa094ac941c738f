// Why there is no key, or none any more.

export class SecretKeyError extends Error {
  override readonly name = "SecretKeyError";
  readonly code: "KEY_INVALID" | "KEY_NOT_LOCKED" | "KEY_WIPED";

  constructor(code: SecretKeyError["code"], message: string) {
    super(message);
    this.code = code;
  }
}
