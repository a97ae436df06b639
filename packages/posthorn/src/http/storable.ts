import { pointer } from '../contract/parse.ts';
import { PosthornError } from '../domain/errors.ts';

/** Escapes of NUL, or of a surrogate that may stand alone: all that UTF-8 itself does not already rule out. */
const doubtful = /\\u(?:0000|[dD][89a-fA-F])/;

function isUnstorable(text: string): boolean {
  return text.includes('\0') || !text.isWellFormed();
}

/** The way to the first text that is one, or null; a name that is one stands in it as it would come back. */
function faultIn(value: unknown, path: readonly string[]): readonly string[] | null {
  if (typeof value === 'string') return isUnstorable(value) ? path : null;
  if (value === null || typeof value !== 'object') return null;
  for (const [name, member] of Object.entries(value)) {
    const at = [...path, name.toWellFormed().replaceAll('\0', '\ufffd')];
    const fault = isUnstorable(name) ? at : faultIn(member, at);
    if (fault !== null) return fault;
  }
  return null;
}

/**
 * Refuses text that no database gives back as it was: NUL, which PostgreSQL does not take, and half a surrogate pair,
 * which comes back as U+FFFD. An event's data is exempt, because it is kept as the text that was sent.
 */
export function refuseUnstorable(text: string, value: unknown): void {
  if (!doubtful.test(text)) return;
  const fault = faultIn(value, []);
  if (fault === null) return;
  const path = pointer(fault);
  throw new PosthornError(
    'invalid_request',
    `${path === '' ? 'the request' : path}: no NUL and no half characters`,
    [{ path, message: 'holds a NUL or half a surrogate pair' }],
  );
}
