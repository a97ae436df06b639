import type { LookupAddress, LookupOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { type Address, type Network, networkFrom } from '../domain/network.ts';
import {
  globalIpv6,
  localSuffixes,
  metadataAddresses,
  metadataNames,
  specialNetworks,
} from './special-addresses.ts';

export interface GuardOptions {
  /** Opens everything but cloud metadata addresses. */
  readonly allowPrivateNetworks?: boolean;
  /** Networks to open, as CIDR or single addresses; a metadata address only where it is named alone. */
  readonly allowNetworks?: readonly string[];
  /** Networks to close; they win over everything that opens. */
  readonly denyNetworks?: readonly string[];
}

/**
 * Checks every address that Posthorn connects to on behalf of a user: webhooks, channels and mail alike (G9). What
 * counts is the address of the connection itself; checking a declared URL only says sooner what would be refused later.
 */
export interface AddressGuard {
  /** Null if connecting to this literal address is permitted; else an error with code `POSTHORN_BLOCKED_ADDRESS`. */
  refuses(address: string): Error | null;
  /** The same for the host of a URL, in any form that a resolver would take; a name passes unless it is known to be local. */
  refusesHost(hostname: string): Error | null;
}

const network = (cidr: string): Network => networkFrom(cidr)!;
const special = specialNetworks.map(([cidr, use]) => ({ ...network(cidr), use }));
const global = network(globalIpv6);
const metadata = metadataAddresses.map(network);

/** An IPv4 address that is embedded in an IPv6 one: mapped, compatible, translated (SIIT), NAT64 (RFC 6052) or 6to4. */
function embedded(address: Address): ipaddr.IPv4 | null {
  if (address.kind() === 'ipv4') return null;
  const bytes = address.toByteArray();
  const zeros = (count: number): boolean => bytes.slice(0, count).every((byte) => byte === 0);
  const nat64 = bytes.slice(0, 4).join() === '0,100,255,155';
  const translated = zeros(8) && bytes.slice(8, 12).join() === '255,255,0,0';
  if (zeros(12) || translated || nat64) return new ipaddr.IPv4(bytes.slice(12));
  return bytes[0] === 0x20 && bytes[1] === 0x02 ? new ipaddr.IPv4(bytes.slice(2, 6)) : null;
}

function blocked(host: string, why: string): Error {
  return Object.assign(new Error(`${host} ${why}`), { code: 'POSTHORN_BLOCKED_ADDRESS' });
}

const isSpecial = (address: Address): boolean =>
  special.some(({ contains }) => contains(address)) ||
  (address.kind() === 'ipv6' && !global.contains(address));

/** Host names compare without case, and without the dot that ends an absolute name. */
const nameFrom = (hostname: string): string => hostname.toLowerCase().replace(/\.+$/, '');

/** The literal address that a host is in any resolver's eyes (`127.1`, `0x7f.1`, `2130706433`, `[::1]`), or null for a name. */
function literalFrom(hostname: string): string | null {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  const unzoned = bare.includes(':') ? bare.replace(/%.*$/, '') : bare;
  if (isIP(unzoned) !== 0) return unzoned;
  // URLs with other schemes than HTTP's keep such numbers as they were written, and resolvers take them.
  const read = URL.parse(`http://${nameFrom(bare)}/`)?.hostname ?? '';
  return isIP(read) === 0 ? null : read;
}

export function createAddressGuard(options: GuardOptions = {}): AddressGuard {
  const { allowPrivateNetworks = false } = options;
  const networks = (texts: readonly string[] = []): Network[] =>
    texts.map((text) => {
      const parsed = networkFrom(text);
      if (parsed === null)
        throw new Error(`Invalid network ${JSON.stringify(text)}: use CIDR, as 10.0.0.0/8.`);
      return parsed;
    });
  const allowed = networks(options.allowNetworks);
  const denied = networks(options.denyNetworks);
  const inAny = (list: readonly Network[], address: Address): boolean =>
    list.some(({ contains }) => contains(address));

  const why = (address: Address): string | null => {
    if (inAny(denied, address)) return 'is in a network that --deny-networks closes';
    if (inAny(metadata, address))
      return allowed.some(({ isSingle, contains }) => isSingle && contains(address))
        ? null
        : 'is a cloud metadata address';
    if (allowPrivateNetworks || inAny(allowed, address) || !isSpecial(address)) return null;
    return 'is not a public address';
  };
  const refuses = (address: string): Error | null => {
    const text = address.startsWith('[') ? address.slice(1, -1) : address;
    if (!ipaddr.isValid(text)) return blocked(address, 'is not an IP address');
    // `process` turns an IPv4-mapped address into the IPv4 address that the kernel connects to.
    const parsed = ipaddr.process(text);
    const inside = embedded(parsed);
    // A translator may carry the connection on to the address inside: that one is checked too.
    const reason =
      why(parsed) ??
      (inside !== null && (inAny(metadata, inside) || inAny(denied, inside)) ? why(inside) : null);
    return reason === null ? null : blocked(address, reason);
  };

  const loopback = refuses('127.0.0.1') === null;
  // Where networks are opened, a local name may lead into one of them: its address is checked when it is connected to.
  const localNames = allowPrivateNetworks || allowed.length > 0;
  const refusesName = (hostname: string): Error | null => {
    const name = nameFrom(hostname);
    if (metadataNames.includes(name) && refuses('169.254.169.254') !== null)
      return blocked(hostname, 'is the name of a cloud metadata service');
    const below = (suffix: string): boolean => name === suffix || name.endsWith(`.${suffix}`);
    if (below('localhost')) return loopback ? null : blocked(hostname, 'is a name of this machine');
    if (!localNames && (!name.includes('.') || localSuffixes.some(below)))
      return blocked(hostname, 'is not a public name');
    return null;
  };

  return {
    refuses,
    refusesHost: (hostname) => {
      const literal = literalFrom(hostname);
      return literal === null ? refusesName(hostname) : refuses(literal);
    },
  };
}

const publicOnly = createAddressGuard();

/** Whether a literal address is one of the public Internet: nothing private, local, mapped, tunnelled or reserved. */
export function isPublicAddress(address: string): boolean {
  return publicOnly.refuses(address) === null;
}

/** The error of a name that leads to no permitted address. It names none: what a private name server answers is private. */
export function leadsNowhere(hostname: string): Error {
  return blocked(hostname, 'does not lead to a public address');
}

/**
 * A lookup for a connector that hands on permitted addresses only. The connection is made to the very
 * address that was checked, so a name that changes its answer (DNS rebinding) gains nothing.
 */
export function guardedLookup(guard: AddressGuard, lookup: LookupFunction): LookupFunction {
  return (hostname, options: LookupOptions, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) {
        callback(error, '');
        return;
      }
      const all = found as unknown as readonly LookupAddress[];
      const permitted = all.filter(({ address }) => guard.refuses(address) === null);
      const first = permitted[0];
      if (first === undefined) callback(leadsNowhere(hostname), '');
      else if (options.all === true) callback(null, permitted);
      else callback(null, first.address, first.family);
    });
  };
}
