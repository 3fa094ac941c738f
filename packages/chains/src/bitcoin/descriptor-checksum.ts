// The eight-character checksum of an output script descriptor (BIP380).

const INPUT_CHARSET =
  "0123456789()[],'/*abcdefgh@:$%{}" + "IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~" + 'ijklmnopqrstuvwxyzABCDEFGH`#"\\ ';
const CHECKSUM_CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR = [0xf5dee51989n, 0xa9fdca3312n, 0x1bab10e32dn, 0x3706b1677an, 0x644d626ffdn] as const;
const CHECKSUM_CHARACTERS = 8;

/** The checksum of a descriptor without one; null when a character is outside the descriptors' alphabet. */
export function descriptorChecksum(script: string): string | null {
  const symbols = expand(script);
  if (symbols === null) return null;
  const residue = polymod([...symbols, ...new Array<number>(CHECKSUM_CHARACTERS).fill(0)]) ^ 1n;
  return Array.from({ length: CHECKSUM_CHARACTERS }, (_, at) =>
    CHECKSUM_CHARSET.charAt(Number((residue >> BigInt(5 * (CHECKSUM_CHARACTERS - 1 - at))) & 31n)),
  ).join("");
}

/** Character positions within their group of 32, and after every third one the three groups as one symbol. */
function expand(script: string): readonly number[] | null {
  const symbols: number[] = [];
  let groups: number[] = [];
  for (const character of script) {
    const position = INPUT_CHARSET.indexOf(character);
    if (position < 0) return null;
    symbols.push(position & 31);
    groups.push(position >>> 5);
    if (groups.length < 3) continue;
    symbols.push(groupSymbol(groups));
    groups = [];
  }
  return groups.length === 0 ? symbols : [...symbols, groupSymbol(groups)];
}

function groupSymbol(groups: readonly number[]): number {
  return groups.reduce((symbol, group) => symbol * 3 + group, 0);
}

function polymod(symbols: readonly number[]): bigint {
  let residue = 1n;
  for (const symbol of symbols) {
    const top = residue >> 35n;
    residue = ((residue & 0x7ffffffffn) << 5n) ^ BigInt(symbol);
    GENERATOR.forEach((generator, bit) => {
      if ((top >> BigInt(bit)) & 1n) residue ^= generator;
    });
  }
  return residue;
}
