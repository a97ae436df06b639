import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../../packages/client/src/index.ts';
import type { Settings } from '../../packages/posthorn/src/config/settings.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { runHere } from './run-here.ts';
import { apiKey, serve } from './serving.ts';

// A planted value in the data of an event, which its receivers send back, is in no answer once the data are deleted.

const canary = 'canary7q8w9e0r1t2y';

interface Place {
  readonly settings: Partial<Settings>;
  /** Everything that the database holds, once its server has stopped. */
  readonly stored: () => Promise<string>;
}

/** Every call that could show something of an event. */
const readings = (delivery: string): readonly string[] => [
  '/v1/events',
  '/v1/events/e-1',
  '/v1/deliveries?include=event,endpoint',
  `/v1/deliveries/${delivery}`,
  `/v1/deliveries/${delivery}/request`,
  '/v1/attempts',
  '/v1/dead-letters',
  `/v1/search?q=${canary}`,
  '/v1/now',
  '/v1/audit-log',
];

function describeDeletedData(name: string, place: () => Promise<Place>): void {
  test(`G6, ${name}: the data of an event are in no answer and in no row, and it is never sent again`, async () => {
    const { settings, stored } = await place();
    const receiver = await aReceiver(({ path, body }, response) => {
      const echo = String(body).includes(canary) ? { 'x-echo': canary } : {};
      response.writeHead(path === '/gone' ? 410 : 200, echo).end(body);
    });
    const server = await serve(settings);
    const client = createClient(server.url, apiKey);
    const ask = async (method: string, path: string, body?: unknown) => {
      const response = await fetch(server.url + path, {
        method,
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: response.status, text: await response.text() };
    };
    for (const path of ['/ok', '/gone'])
      await client.endpoints.create({ url: new URL(path, receiver.url).href });
    const event = { id: 'e-1', type: 'user.created', data: { email: canary, note: 'x'.repeat(20_000) } };
    await client.events.publish(event);
    await client.events.publish({ id: 'e-2', type: 'user.created', data: {} });
    const statesOf = async (id: string) =>
      (await client.events.get(id)).deliveries.map(({ state }) => state).toSorted();
    for (const id of ['e-1', 'e-2'])
      await until(`${id} has ended`, async () => !(await statesOf(id)).includes('pending'));
    const { deliveries } = await client.events.get('e-1');
    const delivered = deliveries.find(({ state }) => state === 'delivered')!;
    const dead = deliveries.find(({ state }) => state !== 'delivered')!;
    const shown = async () => {
      const answers = await Promise.all(readings(delivered.id).map(async (path) => await ask('GET', path)));
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
      return answers.flatMap(({ text }, at) => (text.includes(canary) ? [readings(delivered.id)[at]] : []));
    };
    expect(await shown()).toContain('/v1/attempts');
    const counts = (await ask('GET', '/v1/accounting')).text;

    const deletion = ['events', 'delete-data', 'e-1', '--url', server.url, '--api-key', apiKey];
    expect(await runHere(...deletion)).toMatchObject({ code: 0 });
    await client.events.deleteData('e-1');
    expect(await shown()).toEqual([]);
    expect(await client.events.get('e-1')).toMatchObject({
      data: null,
      integrity: 'deleted',
      dataDeletedAt: expect.any(String),
    });
    expect(await client.deliveries.request(delivered.id)).toMatchObject({
      body: null,
      dataDeletedAt: expect.any(String),
    });
    expect((await ask('GET', '/v1/accounting')).text).toBe(counts);

    const { length } = receiver.requests;
    for (const path of ['/v1/events/e-1/replay', `/v1/deliveries/${dead.id}/redrive`])
      expect(await ask('POST', path, path.endsWith('replay') ? {} : undefined)).toMatchObject({
        status: 409,
        text: expect.stringContaining('event_data_deleted'),
      });
    const filter = { eventId: ['e-1', 'e-2'], tenant: 'default' };
    for (const jobs of [client.redrives, client.replays])
      expect(await jobs.create({ filter, dryRun: true })).toMatchObject({ skipped: expect.any(Number) });
    expect((await client.replays.create({ filter, dryRun: true })).skipped).toBe(2);
    expect(await client.events.publish(event)).toMatchObject({ duplicate: true });
    const dry = await ask('POST', '/v1/filters/dry-run', { filter: {}, event_types: ['*'] });
    expect(dry.text).not.toContain('e-1');
    expect(receiver.requests).toHaveLength(length);
    await server.stop();
    await receiver.close();
    expect(await stored()).not.toContain(canary);
  });

  test(`${name}: an event that is still to be delivered keeps its data, and the answer says what to do`, async () => {
    const { settings } = await place();
    const server = await serve(settings);
    const client = createClient(server.url, apiKey);
    await client.endpoints.create({ url: 'http://127.0.0.1:1/' });
    await client.events.publish({ id: 'e-1', type: 'user.created', data: { email: canary } });
    await expect(client.events.deleteData('e-1')).rejects.toMatchObject({
      status: 409,
      code: 'event_unfinished',
      message: expect.stringContaining('cancel'),
    });
    expect((await client.events.get('e-1')).data).toEqual({ email: canary });
    await server.stop();
  });
}

describeDeletedData('SQLite', async () => {
  const dataDir = tempDir();
  // The last connection has written the log into the database.
  return {
    settings: { dataDir },
    stored: async () => readFileSync(join(dataDir, 'posthorn.db'), 'latin1'),
  };
});

describe('on PostgreSQL', () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.stop());
  describeDeletedData('PostgreSQL', async () => {
    const databaseUrl = await postgres.createDatabase();
    return {
      settings: { databaseUrl },
      stored: async () => {
        const db = new pg.Client({ connectionString: databaseUrl });
        await db.connect();
        const tables = ['events', 'deliveries', 'attempts', 'audit_log', 'idempotency_keys', 'alerts'];
        const rows = await Promise.all(
          tables.map(async (one) => (await db.query(`SELECT t::text AS row FROM posthorn.${one} t`)).rows),
        );
        await db.end();
        return JSON.stringify(rows);
      },
    };
  });
});
