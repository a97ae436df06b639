import { createHash } from 'node:crypto';
import { parseDeliveryId } from '../domain/ids.ts';

// Ids in the form that clients of this API know: a prefix and base 62. Each is read back without a table.

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const idLength = 27;

function toBase62(bytes: Uint8Array): string {
  let value = BigInt(`0x1${Buffer.from(bytes).toString('hex')}`);
  let text = '';
  for (; value > 0n; value /= 62n) text = digits[Number(value % 62n)] + text;
  return text;
}

function fromBase62(text: string): string | null {
  let value = 0n;
  for (const char of text) {
    const digit = digits.indexOf(char);
    if (digit < 0) return null;
    value = value * 62n + BigInt(digit);
  }
  const hex = value.toString(16);
  // The leading 1 keeps leading zeros.
  return hex.startsWith('1') && hex.length % 2 === 1 ? Buffer.from(hex.slice(1), 'hex').toString() : null;
}

/** 27 digits that sort by time: 6 bytes of it, and random ones. */
function timeOrdered(now: number, random: Uint8Array): string {
  const bytes = Buffer.alloc(20);
  bytes.writeUIntBE(now, 0, 6);
  bytes.set(random.subarray(0, 14), 6);
  let value = BigInt(`0x${bytes.toString('hex')}`);
  let text = '';
  for (let n = 0; n < idLength; n++, value /= 62n) text = digits[Number(value % 62n)] + text;
  return text;
}

/** Random bytes that a new id needs. */
export const idBytes = 14;

const appPrefix = 'app_';
/** Marks an id that spells a tenant's name: ids of tenants without a uid begin with a digit of their time. */
const spelled = `${appPrefix}z`;

/** The name of the tenant of an application without a uid, which is its id too. */
export const newAppName = (now: number, random: Uint8Array): string =>
  `${appPrefix}${timeOrdered(now, random)}`;

/** The uid of the application that a tenant is; null: it has none. */
export const uidFrom = (tenant: string): string | null => (tenant.startsWith(appPrefix) ? null : tenant);

/** The id of the application that a tenant is. */
export const appId = (tenant: string): string =>
  tenant.startsWith(appPrefix) ? tenant : `${spelled}${toBase62(Buffer.from(tenant))}`;

/** The tenant that a path's application is, by its id or uid. */
export function tenantFrom(reference: string): string {
  if (!reference.startsWith(spelled)) return reference;
  return fromBase62(reference.slice(spelled.length)) ?? reference;
}

const messagePrefix = 'msg_';

export const newMessageId = (now: number, random: Uint8Array): string =>
  `${messagePrefix}${timeOrdered(now, random)}`;

/** The id of a message that is sent under an idempotency key: the same again after a crash. */
export const keyedMessageId = (...parts: readonly string[]): string => {
  const random = createHash('sha256').update(parts.join('\n')).digest();
  return `${messagePrefix}${timeOrdered(random.readUIntBE(14, 5), random)}`;
};

/** The event id that its sender chose; null: it was made here. */
export const eventIdFrom = (id: string): string | null =>
  id.startsWith(messagePrefix) || id.startsWith('evt_') ? null : id;

/** An attempt is named by its delivery and its number. */
export const attemptId = (delivery: string, n: number): string =>
  `atmpt_${delivery.slice('dlv_'.length)}${String(n).padStart(6, '0')}`;

export function parseAttemptId(id: string): { readonly delivery: string; readonly n: number } | null {
  const match = /^atmpt_([0-9a-z]{11})(\d{6,9})$/.exec(id);
  if (match === null) return null;
  const delivery = `dlv_${match[1]!}`;
  return parseDeliveryId(delivery) === null ? null : { delivery, n: Number(match[2]) };
}

const taskPrefix = 'qtask_';
export const taskId = (job: string): string => `${taskPrefix}${job}`;
export const jobFrom = (task: string): string | null =>
  task.startsWith(taskPrefix) ? task.slice(taskPrefix.length) : null;
