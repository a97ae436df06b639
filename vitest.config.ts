import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Many tests start the command or a thread: what was compiled once is kept for all of them.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url));

// Packages import each other's source, here and in every process that a test starts; see docs/internals/packages.md.
const source = '@posthorn/source';
process.env['NODE_OPTIONS'] = `${process.env['NODE_OPTIONS'] ?? ''} --conditions=${source}`.trim();

/** The longest first, so that none of them is left for the end when one worker has nothing more to do. */
const longest = [
  'lab/lab.test.ts',
  'audit/accuracy.test.ts',
  'crash/sigkill.test.ts',
  'crash/postgres.test.ts',
  'crash/fan-out.test.ts',
  'integration/lab-cli.test.ts',
  'integration/cli.test.ts',
  'conformance/postgres.test.ts',
  'conformance/postgres-one-shard.test.ts',
  'integration/audit-garbage.test.ts',
  'integration/loss-paths.test.ts',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = longest.findIndex((name) => moduleId.endsWith(name));
      return at < 0 ? longest.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  ssr: { resolve: { conditions: [source, 'module', 'node', 'development|production'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts'],
    // A bound for what hangs, not a measure: on a machine with ten times as much to do, everything still passes.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    maxWorkers: Math.max(2, Math.min(4, availableParallelism())),
    sequence: { sequencer: LongestFirst },
  },
});
