import { hashShard, shardCount } from './shard.ts';

// Crockford's base 32: no i, l, o, u, so an id survives being read aloud.
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

function encode(value: number, width: number): string {
  let text = '';
  for (let i = 0; i < width; i++) {
    text = alphabet[value % 32] + text;
    value = Math.floor(value / 32);
  }
  return text;
}

function decode(text: string): number {
  let value = 0;
  for (const char of text) {
    const digit = alphabet.indexOf(char);
    if (digit < 0) return Number.NaN;
    value = value * 32 + digit;
  }
  return value;
}

function randomDigits(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += alphabet[byte & 31];
  return text;
}

/** `prefix_` + 10 digits of time (ms) + one digit per random byte: sorts by time. */
export function timeOrderedId(prefix: string, now: number, random: Uint8Array): string {
  return `${prefix}_${encode(now, 10)}${randomDigits(random)}`;
}

const ownEventId = /^evt_[0-9a-hjkmnp-tv-z]{24}[01][0-9a-hjkmnp-tv-z]$/;

/** An event id that carries its shard in the last two digits. `random` is 14 bytes. */
export function newEventId(now: number, random: Uint8Array, shard: number): string {
  return `${timeOrderedId('evt', now, random)}${encode(shard, 2)}`;
}

/** The home shard of (tenant, id): read off an id in our format, else hashed. Same answer for ever. */
export function eventShard(tenant: string, id: string): number {
  if (ownEventId.test(id)) return decode(id.slice(-2));
  return hashShard(tenant, id);
}

/**
 * A delivery's number carries its shard in its low six bits, so that the number alone is
 * the whole key: `number = sequence * 64 + shard`. It stays below 2^53.
 */
export function deliveryNumber(sequence: number, shard: number): number {
  return sequence * shardCount + shard;
}

export function shardOfNumber(number: number): number {
  return number % shardCount;
}

/** `dlv_` + 11 digits. */
export function deliveryId(number: number): string {
  return `dlv_${encode(number, 11)}`;
}

/** The number in a delivery id, or null where it is none. */
export function parseDeliveryId(id: string): number | null {
  if (!/^dlv_[0-9a-hjkmnp-tv-z]{11}$/.test(id)) return null;
  const number = decode(id.slice(4));
  return Number.isSafeInteger(number) ? number : null;
}

/** What cannot be the name of an endpoint. */
export function isEndpointId(text: string): boolean {
  return text.startsWith('ep_');
}
