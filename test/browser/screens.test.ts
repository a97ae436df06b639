import { beforeAll, test } from 'vitest';
import { makeHistory } from '../../packages/posthorn/src/cli/demo/kestrel/history.ts';
import { systemClock } from '../../packages/posthorn/src/runtime/clock.ts';
import { saveCopy } from '../../packages/posthorn/src/store/sqlite/save-copy.ts';
import { tempDir } from '../support.ts';
import { screenNames } from './screen-names.ts';
import { type Screen, screensOf, settled } from './screens.ts';
import { browserSuite, expectGoodViews } from './support.ts';

// Every page on the history of Kestrel Pay, on a desktop and a phone: it fits its window and is accessible. The pages' own tests
// look at what this history does not show. `npm run screenshots` makes pictures of them.

const now = Date.UTC(2026, 10, 26, 10, 12);
const deliveries = Number(process.env['POSTHORN_TEST_DEMO_DELIVERIES'] ?? 2000);

const suite = browserSuite(async () => {
  const dataDir = tempDir();
  const db = await makeHistory({ seed: 7, now, deliveries });
  saveCopy(db, dataDir);
  db.close();
  return {
    settings: { dataDir },
    // Time stands still, so that the same pictures come of it; nothing that is sent is answered.
    parts: {
      clock: { ...systemClock, now: () => now, monotonic: () => 0 },
      transport: () => ({ post: () => new Promise(() => {}), close: async () => {} }),
    },
  };
});

let screens: readonly Screen[] = [];
beforeAll(async () => {
  screens = await screensOf(suite.server.client, now);
});

test.for(screenNames)('%s fits its window and is accessible', async (name) => {
  const screen = screens.find((one) => one.name === name)!;
  const key = screen.isForNobody === true ? { key: null } : {};
  await expectGoodViews(suite, screen.path, { name, ready: settled, at: now, ...key });
});
