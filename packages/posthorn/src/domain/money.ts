/** An amount in minor units of an ISO 4217 currency (upper case). */
export interface Value {
  readonly amountMinor: bigint;
  readonly currency: string;
}

// ISO 4217 exponents that are not 2 (list one, 2024).
const exponents: Readonly<Record<string, number>> = {
  BIF: 0,
  CLP: 0,
  DJF: 0,
  GNF: 0,
  ISK: 0,
  JPY: 0,
  KMF: 0,
  KRW: 0,
  PYG: 0,
  RWF: 0,
  UGX: 0,
  UYI: 0,
  VND: 0,
  VUV: 0,
  XAF: 0,
  XOF: 0,
  XPF: 0,
  BHD: 3,
  IQD: 3,
  JOD: 3,
  KWD: 3,
  LYD: 3,
  OMR: 3,
  TND: 3,
  CLF: 4,
  UYW: 4,
};

/** How many decimal places the currency's minor unit has: JPY 0, USD 2, BHD 3. */
export function exponentOf(currency: string): number {
  return exponents[currency.toUpperCase()] ?? 2;
}

/** `1234` minor units of USD → `12.34 USD`. Exact: no floating point. */
export function formatValue(value: Value): string {
  const exponent = exponentOf(value.currency);
  const negative = value.amountMinor < 0n;
  const digits = (negative ? -value.amountMinor : value.amountMinor).toString().padStart(exponent + 1, '0');
  const whole = digits.slice(0, digits.length - exponent).replace(/\B(?=(\d{3})+$)/g, ',');
  const text = exponent === 0 ? whole : `${whole}.${digits.slice(-exponent)}`;
  return `${negative ? '-' : ''}${text} ${value.currency.toUpperCase()}`;
}

/** Minor units for JSON: a number where that is exact, else text. */
export function exactMinor(amountMinor: bigint): number | string {
  const number = Number(amountMinor);
  return Number.isSafeInteger(number) ? number : String(amountMinor);
}
