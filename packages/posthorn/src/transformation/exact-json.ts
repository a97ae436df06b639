// A double holds 15 digits; longer numbers, such as ids of other systems, are copied as they were written.

// In Node since version 21, but not in the types of the configured language version yet.
declare global {
  interface JSON {
    rawJSON(text: string): object;
    parse(
      text: string,
      reviver: (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown,
    ): unknown;
  }
}

/** A number's digits and exponent, so that all ways to write one number give the same text. */
function canonical(number: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(number) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  if (digits === '') return '0';
  const short = digits.replace(/0+$/, '');
  return `${sign}${short}e${Number(exponent) - fraction.length + digits.length - short.length}`;
}

/** Returns whether parsing and printing this number gives the same number. */
function isExact(source: string): boolean {
  return canonical(source) === canonical(String(Number(source)));
}

/** Texts without such runs contain only numbers that a double holds. */
const doubtful = /[\d.]{16}|\d[eE]/;

/** Parses JSON; a number that a double does not hold becomes a value that can be copied, but not used in calculations. */
export function parseExact(text: string): unknown {
  if (!doubtful.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_, value, { source }) =>
    typeof value === 'number' && source !== undefined && !isExact(source) ? JSON.rawJSON(source) : value,
  );
}
