import { expect, test } from 'vitest';
import { freePort } from '../../packages/posthorn/src/cli/demo/receivers.ts';
import { kill, startServer } from '../../packages/posthorn/src/cli/demo/server-process.ts';
import { verifyDataDirectory } from '../../packages/posthorn/src/cli/commands/verify.ts';
import { openSqliteStore } from '../../packages/posthorn/src/store/sqlite/open.ts';
import { tempDir } from '../support.ts';
import { createWireClient } from '../wire-client.ts';

const apiKey = 'phk_crash_0123456789abcdef';
const rounds = 3;

test('G4: after kills in the middle of changes, each change that is there has its entry, and each entry its change', async () => {
  const dataDir = tempDir();
  const port = await freePort();
  const client = createWireClient(`http://127.0.0.1:${port}`, apiKey, { maxTries: 1 });
  let acknowledged = 0;
  for (let round = 0; round < rounds; round++) {
    const server = await startServer({ port, dataDir, apiKey });
    try {
      const put = async (n: number): Promise<void> => {
        await client.request('PUT', `/v1/teams/team-${round}-${n}`, { description: '', channels: [] });
        acknowledged++;
        // In the middle of those that wait behind it.
        if (n === 10 + round) server.kill('SIGKILL');
      };
      await Promise.allSettled(Array.from({ length: 80 }, (_, n) => put(n)));
    } finally {
      await kill(server, 'SIGKILL');
    }
  }
  const { audit } = await verifyDataDirectory(dataDir);
  expect(audit).toMatchObject({ findings: [], unsealed: 0 });
  const store = await openSqliteStore({ dataDir });
  const teams = (await store.read.documents('team')).map(({ name }) => name);
  const entries = await store.read.auditLog({ action: 'teams.put' }, { after: null, limit: 1000 });
  await store.close();
  expect(entries.map(({ document }) => document.target.id).toSorted()).toEqual(teams.toSorted());
  expect(teams.length).toBeGreaterThanOrEqual(acknowledged);
  expect(acknowledged).toBeGreaterThan(rounds * 10);
  expect(teams.length).toBeLessThan(rounds * 80);
});
