import { WebhookVerificationError } from './errors.ts';

/** Request headers as `fetch`, Node or a framework has them. Names may be in any case. */
export type WebhookHeaders =
  | { get(name: string): string | null | undefined }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

/** What the three headers of a webhook say. */
export interface WebhookHead {
  /** The same in every attempt, and different for every event. */
  readonly id: string;
  /** As it was sent: the signature covers it. */
  readonly timestamp: string;
  readonly signatures: readonly string[];
}

/** Standard Webhooks, and the names that Svix had before there was a standard. The signed content is the same. */
const families = ['webhook', 'svix'] as const;
const parts = ['id', 'timestamp', 'signature'] as const;
/** Maximum signatures that are checked per request: each asymmetric one costs a tenth of a millisecond. */
const maxSignatures = 64;
/** Node bounds all headers together at 16 KiB; other servers may not. */
const maxHeaderChars = 16_384;

/** Returns what the headers say; throws `missing_header` or `malformed_header`, whatever is handed in. */
export function readHead(headers: unknown): WebhookHead {
  const found = families.map((family) => parts.map((part) => headerValues(headers, `${family}-${part}`)));
  const complete = found.findIndex((values) => values.every(({ length }) => length > 0));
  const some = found.findIndex((values) => values.some(({ length }) => length > 0));
  const at = Math.max(0, complete < 0 ? some : complete);
  const [id, timestamp, signature] = parts.map((part, n) =>
    single(`${families[at]!}-${part}`, found[at]![n]!, part === 'signature'),
  ) as [string, string, string];
  if (!/^\d{1,12}$/.test(timestamp))
    throw new WebhookVerificationError(
      'malformed_header',
      `The header ${families[at]!}-timestamp is not a number of seconds`,
      `${families[at]!}-timestamp`,
    );
  return { id, timestamp, signatures: readSignatures(`${families[at]!}-signature`, signature) };
}

/** Signatures of schemes that are known; others may be present too. */
function readSignatures(name: string, text: string): string[] {
  const known = text.split(' ', maxSignatures).filter((token) => /^v1a?,\S/.test(token));
  if (known.length === 0)
    throw new WebhookVerificationError(
      'malformed_header',
      `The header ${name} does not contain a signature of the form v1,<base64> or v1a,<base64>`,
      name,
    );
  return known;
}

function single(name: string, values: readonly string[], isList: boolean): string {
  if (values.length === 0)
    throw new WebhookVerificationError('missing_header', `The header ${name} is missing`, name);
  if (values.length > 1 && !isList)
    throw new WebhookVerificationError('malformed_header', `The header ${name} is present twice`, name);
  const text = values.join(' ');
  if (text.length > maxHeaderChars)
    throw new WebhookVerificationError('malformed_header', `The header ${name} is too long`, name);
  return text;
}

/** Empty if there is none. Headers that cannot be read, a proxy that throws for example, count as absent. */
function headerValues(headers: unknown, name: string): readonly string[] {
  try {
    const value = rawValue(headers, name);
    return (Array.isArray(value) ? (value as unknown[]) : [value]).filter(
      (text) => typeof text === 'string' && text !== '',
    ) as string[];
  } catch {
    return [];
  }
}

function rawValue(headers: unknown, name: string): unknown {
  if (typeof headers !== 'object' || headers === null) return undefined;
  if ('get' in headers && typeof headers.get === 'function') return (headers as Headers).get(name);
  return Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
}
