// The bytes that an HTTP message signature is over.

/** RFC 9421 §2.5: one line a component in the order given, the signature parameters last, no newline at the end. */
export function signatureBase(
  components: readonly (readonly [name: string, value: string])[],
  parameters: string,
): Buffer {
  const lines = components.map(([name, value]) => `"${name}": ${value}`);
  return Buffer.from([...lines, `"@signature-params": ${parameters}`].join("\n"), "utf8");
}
