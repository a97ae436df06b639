import { pointer } from '../contract/parse.ts';
import { PosthornError } from '../domain/errors.ts';

/** Escapes of NUL, or of a surrogate that may be unpaired: everything that UTF-8 itself does not already exclude. */
const doubtful = /\\u(?:0000|[dD][89a-fA-F])/;

function isUnstorable(text: string): boolean {
  return text.includes('\0') || !text.isWellFormed();
}

/** The path to the first such text, or null; a name that is such a text is shown as it would come back. */
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
 * Refuses text that a database does not return unchanged: NUL, which PostgreSQL refuses, and unpaired surrogates, which
 * come back as U+FFFD. An event's data is exempt, because it is stored as the text that was sent.
 */
export function refuseUnstorable(text: string, value: unknown): void {
  if (!doubtful.test(text)) return;
  const fault = faultIn(value, []);
  if (fault === null) return;
  const path = pointer(fault);
  throw new PosthornError(
    'invalid_request',
    `${path === '' ? 'the request' : path}: must not contain NUL or unpaired surrogates`,
    [{ path, message: 'must not contain NUL or unpaired surrogates' }],
  );
}
