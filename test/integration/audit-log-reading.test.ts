import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPosthorn } from '../../packages/posthorn/src/index.ts';
import { openSqliteStore } from '../../packages/posthorn/src/store/sqlite/open.ts';
import { startPostgres } from '../postgres.ts';
import { agesAt, secretKey, tempDir } from '../support.ts';
import { runHere } from './run-here.ts';
import { apiKey, serve } from './serving.ts';

interface Line {
  readonly sequence: number;
  readonly action: string;
  readonly tenant: string | null;
  readonly hash: string;
  readonly seal: string | null;
  readonly previous_hash: string;
}

let server: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  server = await serve();
  process.env['POSTHORN_URL'] = server.url;
  process.env['POSTHORN_API_KEY'] = apiKey;
  for (const tenant of ['acme', 'umbra', 'acme', 'umbra', 'acme'])
    await server.client.request('POST', '/v1/endpoints', { tenant, url: 'http://127.0.0.1:1/' });
});
afterAll(async () => {
  delete process.env['POSTHORN_URL'];
  delete process.env['POSTHORN_API_KEY'];
  await server.stop();
});

/** As docs/operating/audit-log.md tells how to check an export without Posthorn. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join(',')}}`;
}

test('the list is filtered, and goes on page by page', async () => {
  const first = await server.client.request<{ items: Line[]; next_cursor: string }>(
    'GET',
    '/v1/audit-log?tenant=acme&action=endpoints.create&limit=2',
  );
  expect(first.items.map(({ tenant, sequence }) => [tenant, sequence])).toEqual([
    ['acme', 5],
    ['acme', 3],
  ]);
  const second = await server.client.request<{ items: Line[]; next_cursor: null }>(
    'GET',
    `/v1/audit-log?tenant=acme&action=endpoints.create&limit=2&cursor=${first.next_cursor}`,
  );
  expect(second).toMatchObject({ items: [{ sequence: 1 }], next_cursor: null });
  for (const query of ['actor=absent', 'target=ep_none', 'until=2020-01-01T00:00:00Z', 'target_kind=key'])
    expect(await server.client.request('GET', `/v1/audit-log?${query}`)).toEqual({
      items: [],
      next_cursor: null,
    });
  for (const query of ['cursor=Zm9v', 'cursor=MA', 'since=yesterday', 'kind=key', 'limit=0'])
    await expect(server.client.request('GET', `/v1/audit-log?${query}`)).rejects.toMatchObject({
      status: 422,
    });
});

test('G9: an export can be checked without Posthorn', async () => {
  const { code, out } = await runHere('audit-log', 'export');
  expect(code).toBe(0);
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  expect(lines.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5]);
  let last = '0'.repeat(64);
  for (const { hash, seal, ...entry } of lines) {
    expect(entry.previous_hash).toBe(last);
    expect(createHash('sha256').update(canonical(entry)).digest('hex')).toBe(hash);
    expect(seal).toMatch(/^[0-9a-f]{64}$/);
    last = hash;
  }
});

test('the command line lists entries', async () => {
  const { code, out } = await runHere('audit-log', '--tenant', 'umbra', '--limit', '1');
  expect(code).toBe(0);
  expect(out).toMatch(/^entry +at +who +what +target +tenant +from\n/);
  expect(out).toMatch(
    /\n4 +\S+ +key admin \(admin key\) +endpoints\.create +endpoint ep_\w+ +umbra +127\.0\.0\.1\n/,
  );
  const json = await runHere('audit-log', 'list', '--json', '--action', 'endpoints.create');
  expect((JSON.parse(json.out) as { items: Line[] }).items).toHaveLength(5);
  expect((await runHere('audit-log', '--since', 'soon')).code).toBe(2);
});

test('G9: verify checks the chain of a data directory, running or stopped, with the seals', async () => {
  const verify = async (...args: string[]) => {
    const { code, out } = await runHere('verify', '--data-dir', server.dataDir, '--json', ...args);
    return { code, log: (JSON.parse(out) as { audit_log: Record<string, unknown> }).audit_log };
  };
  const { code, log } = await verify();
  expect(code).toBe(0);
  expect(log).toMatchObject({
    intact: true,
    entries: 5,
    sequence: 5,
    unsealed: 0,
    unchecked_seals: 0,
    findings: [],
  });
  expect((await runHere('verify', '--data-dir', server.dataDir)).out).toContain(
    `The audit log is intact: 5 entries, the last one is 5:${String(log['hash'])}.`,
  );
  // An entry of before, as the log said it.
  expect((await verify('--audit-head', `5:${String(log['hash'])}`)).code).toBe(0);
  const other = await verify('--audit-head', `5:${'0'.repeat(64)}`);
  expect([other.code, other.log['findings']]).toEqual([1, [expect.objectContaining({ sequence: 5 })]]);
  expect((await runHere('verify', '--data-dir', server.dataDir, '--audit-head', 'five')).code).toBe(2);

  const db = new DatabaseSync(join(server.dataDir, 'posthorn.db'));
  db.exec(
    "UPDATE audit_log SET document = replace(document, 'umbra', 'acme'), tenant = 'acme' WHERE sequence = 2",
  );
  db.exec('DELETE FROM audit_log WHERE sequence = 4');
  db.close();
  const found = await runHere('verify', '--data-dir', server.dataDir);
  expect(found.code).toBe(1);
  expect(found.out).toMatch(/FOUND in the audit log: entry 2 does not match its hash: it was edited/);
  expect(found.out).toMatch(/FOUND in the audit log: entry 4 is missing: it was removed/);
  expect(found.out).toContain('THE AUDIT LOG WAS CHANGED: 2 findings.');
  expect(found.out).toContain('Every delivery is accounted for.');
});

test('G9: what an application does through the library has an entry that says so', async () => {
  const posthorn = await createPosthorn({ database: tempDir() });
  await posthorn.teams.put('orders', { description: '', channels: [] });
  const { items } = await posthorn.auditLog.list();
  expect(items).toMatchObject([
    {
      action: 'teams.put',
      actor: { kind: 'library', id: 'library' },
      from: null,
      requestId: null,
      before: null,
    },
  ]);
  await posthorn.stop();
});

test('G9: entries that were written without a key stay as they are when there is one', async () => {
  const dataDir = tempDir();
  const put = async (name: string, plaintextSecrets: boolean): Promise<void> => {
    const posthorn = await createPosthorn({ database: dataDir, plaintextSecrets });
    await posthorn.teams.put(name, { description: '', channels: [] });
    await posthorn.stop();
  };
  await put('first', true);
  await put('second', false);
  await put('third', false);
  const { out, code } = await runHere('verify', '--data-dir', dataDir, '--json');
  expect(code).toBe(0);
  expect((JSON.parse(out) as { audit_log: unknown }).audit_log).toMatchObject({
    intact: true,
    entries: 3,
    unsealed: 1,
  });
  // And where the key is taken away again, that is seen.
  rmSync(join(dataDir, 'posthorn.key'));
  await put('fourth', true);
  const later = await runHere('verify', '--data-dir', dataDir);
  expect([later.code, later.out]).toEqual([
    1,
    expect.stringMatching(/entry 4 is not sealed, and entries before it were/),
  ]);
});

test('G9: a log whose beginning was taken without the key is found', async () => {
  const dataDir = tempDir();
  const posthorn = await createPosthorn({ database: dataDir });
  for (const name of ['a', 'b', 'c']) await posthorn.teams.put(name, { description: '', channels: [] });
  await posthorn.stop();
  const store = await openSqliteStore({ dataDir });
  const now = Date.now() + 86_400_000;
  expect(await store.write.pruneAuditLog(agesAt(now), 3_600_000, 2)).toBe(2);
  await store.close();
  const { out, code } = await runHere('verify', '--data-dir', dataDir, '--json');
  const { audit_log: log } = JSON.parse(out) as { audit_log: { findings: { problem: string }[] } };
  expect([code, log.findings.map(({ problem }) => problem)]).toEqual([
    1,
    [expect.stringMatching(/^the head of the log has a seal that none of the keys made/)],
  ]);
});

test('G9: verify checks the chain of a PostgreSQL with the key of its nodes', async () => {
  const postgres = await startPostgres();
  const database = await postgres.createDatabase();
  const posthorn = await createPosthorn({ database, secretKey });
  for (const name of ['a', 'b', 'c']) await posthorn.teams.put(name, { description: '', channels: [] });
  await posthorn.stop();
  const verify = async () => {
    const { code, out } = await runHere('verify', '--database-url', database, '--json');
    return { code, log: (JSON.parse(out) as { audit_log: unknown }).audit_log };
  };
  expect(await verify()).toMatchObject({ code: 0, log: { intact: true, entries: 3, unchecked_seals: 3 } });
  process.env['POSTHORN_SECRET_KEY'] = secretKey;
  try {
    expect(await verify()).toMatchObject({ code: 0, log: { intact: true, entries: 3, unchecked_seals: 0 } });
    const client = new pg.Client({ connectionString: database });
    await client.connect();
    await client.query(
      "UPDATE posthorn.audit_log SET document = replace(document, 'library', 'absent') WHERE sequence = 2",
    );
    await client.end();
    expect(await verify()).toMatchObject({ code: 1, log: { intact: false, findings: [{ sequence: 2 }] } });
  } finally {
    delete process.env['POSTHORN_SECRET_KEY'];
    await postgres.stop();
  }
});
