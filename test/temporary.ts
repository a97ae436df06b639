import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Whatever tests and the processes that they start leave in the temporary directory, a run takes away: it has one of its own.

const kept = 'POSTHORN_TEST_KEPT';

/** The directory for what one run makes for the next. */
export const keptDirectory = (): string => process.env[kept] ?? tmpdir();

/** Runs before the tests; what it returns, after them. */
export default function prepare(): () => void {
  process.env[kept] = tmpdir();
  const own = mkdtempSync(join(tmpdir(), 'posthorn-tests-'));
  // PostgreSQL runs as another user where these tests run as root.
  chmodSync(own, 0o711);
  process.env['TMPDIR'] = own;
  return () => {
    try {
      rmSync(own, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    } catch (error) {
      // No reason to fail tests that passed.
      console.error(`${own} stays: ${String(error)}`);
    }
  };
}
