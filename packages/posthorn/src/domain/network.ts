import ipaddr from 'ipaddr.js';

export type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** A range of IP addresses. */
export interface Network {
  contains(address: Address): boolean;
  /** Whether it names one address alone. */
  readonly isSingle: boolean;
}

/**
 * Returns the network that a text names as CIDR (`10.0.0.0/8`, `fd00::/8`) or as a single address; null if it is neither.
 * Scopes and IPv4-mapped forms are refused: they would never match, because addresses are checked in their plain form.
 */
export function networkFrom(text: string): Network | null {
  const [address = '', bits, ...rest] = text.split('/');
  const v4 = ipaddr.IPv4.isValidFourPartDecimal(address);
  if (!v4 && (!ipaddr.IPv6.isValid(address) || /%|^::ffff:/i.test(address))) return null;
  const longest = v4 ? 32 : 128;
  if (rest.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits))) return null;
  const prefix = bits === undefined ? longest : Number(bits);
  if (prefix > longest) return null;
  const range = ipaddr.parse(address);
  return {
    contains: (other) => other.kind() === range.kind() && other.match(range, prefix),
    isSingle: prefix === longest,
  };
}

const loopback = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i;

/** Whether only this machine can connect to an address that is listened on. */
export function isLoopback(host: string): boolean {
  return loopback.test(host);
}
