import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { sourceFileOf } from './bin/source-of.ts';
import { startedFromBundles } from './test/bundles.ts';

// Many tests start the command or a thread: what was compiled once is kept for all of them.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url));

/** The longest first, so that none of them is left for the end when one worker has nothing more to do. */
const longest = [
  'lab/lab.test.ts',
  'browser/pages.test.ts',
  'browser/screens.test.ts',
  'conformance/postgres.test.ts',
  'integration/kestrel-demo.test.ts',
  'packed/packed.test.ts',
  'conformance/postgres-one-shard.test.ts',
  'integration/access.test.ts',
  'svix/compatible.test.ts',
  'audit/accuracy.test.ts',
  'crash/fan-out.test.ts',
  'crash/postgres.test.ts',
  'browser/deliveries.test.ts',
  'integration/bulk-redrive.test.ts',
  'conformance/sqlite.test.ts',
  'browser/killed.test.ts',
  'crash/sigkill.test.ts',
  'integration/lab-cli.test.ts',
  'integration/stream.test.ts',
  'integration/quickstarts.test.ts',
  'receiver/languages.test.ts',
  'integration/loss-paths.test.ts',
  'integration/incident-walk.test.ts',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = longest.findIndex((name) => moduleId.endsWith(name));
      return at < 0 ? longest.length : at;
    };
    // A worker goes on with files of its own project only, so those of one are not between those of the other.
    const isUnit = ({ project }: TestSpecification): number => Number(project.name === 'unit');
    return (await super.sort(files)).toSorted((a, b) => isUnit(a) - isUnit(b) || rank(a) - rank(b));
  }
}

export default defineConfig({
  plugins: [
    // Packages import each other's source, as in every command of a checkout.
    { name: 'source', enforce: 'pre', resolveId: (id: string) => sourceFileOf(id) },
    startedFromBundles,
  ],
  test: {
    globalSetup: ['test/temporary.ts', 'test/bundles.ts'],
    setupFiles: ['test/validate-answers.ts'],
    // A bound for what hangs, not a measure: on a machine with ten times as much to do, everything still passes.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // A poll too: its default of one second is a measure of the machine, not of what is polled.
    expect: { poll: { timeout: 60_000 } },
    projects: [
      // Files share a worker: a process for each of them took as long as most of the tests in them.
      { extends: true, test: { name: 'unit', include: ['packages/*/src/**/*.test.ts'], isolate: false } },
      { extends: true, test: { name: 'whole', include: ['test/**/*.test.ts'], isolate: false } },
    ],
    // Half of what a worker takes is waiting: for leases, schedules, browsers. A third one on two cores takes a fifth off (a fourth nothing).
    maxWorkers: Math.max(3, Math.min(4, availableParallelism())),
    sequence: { sequencer: LongestFirst },
  },
});
