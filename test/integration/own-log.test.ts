import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { command } from '../bundles.ts';
import { audit } from '../../packages/audit/src/audit.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { createNode, requestTo } from './library-http.ts';

test("Posthorn's own log, as posthorn deliveries --attempts writes it, is read by the audit: nothing is missing", async () => {
  const dir = tempDir();
  const database = join(dir, 'data');
  const failures = new Set<string>();
  // Every third event fails at first, and arrives at its retry.
  const receiver = await aReceiver((request, response) => {
    const id = String(request.headers['webhook-id']);
    const fails = Number(id.slice(1)) % 3 === 0 && !failures.has(id);
    failures.add(id);
    response.statusCode = fails ? 500 : 200;
    response.end();
  });
  const posthorn = await createNode({ database, allowPrivateNetworks: true });
  await requestTo(posthorn, 'POST', '/v1/endpoints', {
    url: receiver.url,
    retry: { schedule_s: [0.05, 0.05], jitter: 0 },
  });
  await posthorn.start();
  const lines = readFileSync('packages/posthorn/data/payment-events.jsonl', 'utf8')
    .trim()
    .split('\n')
    .slice(0, 30);
  await posthorn.publish(
    lines.map((line, n) => ({
      ...(JSON.parse(line) as { type: string; data: unknown }),
      id: `e${n}`,
      value: { amountMinor: 1000 + n, currency: 'EUR' },
    })),
  );
  await until('all have arrived', async () => {
    const { body } = await requestTo(posthorn, 'GET', '/v1/accounting');
    return (body as { delivered: number }).delivered === lines.length;
  });
  // From beside the running process, as an operator would.
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [command, 'deliveries', '--attempts', '--data-dir', database],
    { maxBuffer: 1e8 },
  );
  const log = join(dir, 'posthorn.jsonl');
  writeFileSync(log, stdout);
  expect(stdout.trim().split('\n')).toHaveLength(lines.length);
  const result = await audit({ files: [log] });
  expect(result).toMatchObject({
    events: lines.length,
    attempts: lines.length + Math.ceil(lines.length / 3),
    verdicts: { delivered: lines.length, silently_dropped: 0, unresolved: 0 },
    causes: [],
    source: { format: 'posthorn' },
  });
  await posthorn.stop();
  await receiver.close();
});
