import { lookup as resolve, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Whether a literal address is one of the public Internet: nothing private, local, mapped, tunnelled or reserved. */
export function isPublicAddress(address: string): boolean {
  const text = address.startsWith('[') ? address.slice(1, -1) : address;
  if (!ipaddr.isValid(text)) return false;
  // An IPv4 address in IPv6 clothes is judged as what it is; tunnels (6to4, NAT64, Teredo) are not unicast.
  return ipaddr.process(text).range() === 'unicast';
}

function blocked(host: string): Error {
  return Object.assign(new Error(`${host} is not a public address`), { code: 'POSTHORN_BLOCKED_ADDRESS' });
}

/** Refuses a URL's host that is itself a literal address, which is connected to without a look-up. */
export function checkHost(hostname: string): Error | null {
  const literal = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return isIP(literal) !== 0 && !isPublicAddress(literal) ? blocked(hostname) : null;
}

type Callback = (error: Error | null, address?: string | LookupAddress[], family?: number) => void;

/**
 * A look-up for the connector that hands on public addresses only. The connection is made to the very
 * address that was judged, so a name that changes its answer (DNS rebinding) gains nothing.
 */
export function guardedLookup(hostname: string, options: LookupOptions, callback: Callback): void {
  resolve(hostname, { ...options, all: true }, (error, found) => {
    if (error !== null) {
      callback(error);
      return;
    }
    const addresses = found.filter(({ address }) => isPublicAddress(address));
    const first = addresses[0];
    if (first === undefined) callback(blocked(hostname));
    else if (options.all === true) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
}
