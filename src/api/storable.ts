import { Problem } from './problem.ts';

/** Escapes of NUL, or of a surrogate that may stand alone: all that UTF-8 itself does not already rule out. */
const doubtful = /\\u(?:0000|[dD][89a-fA-F])/;

function faultIn(value: unknown, path: string): string | null {
  if (typeof value === 'string') return value.includes('\0') || !value.isWellFormed() ? path : null;
  if (value === null || typeof value !== 'object') return null;
  for (const [name, member] of Object.entries(value)) {
    const at = `${path}/${name.toWellFormed().replaceAll('\0', '\ufffd').replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const fault = faultIn(name, at) ?? faultIn(member, at);
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
  const path = faultIn(value, '');
  if (path !== null)
    throw new Problem(
      422,
      'invalid_request',
      `${path === '' ? 'the request' : path}: no NUL and no half characters`,
      [{ path, message: 'holds a NUL or half a surrogate pair' }],
    );
}
