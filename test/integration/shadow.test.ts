import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Svix } from 'svix-v2';
import { startPostgres } from '../postgres.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { runHere } from './run-here.ts';
import { apiKey, serve } from './serving.ts';

// `posthorn shadow`: two senders get every event, the receiver gets each from one of them.

let receiver: Awaited<ReturnType<typeof aReceiver>>;
beforeAll(async () => {
  receiver = await aReceiver((_, response) => void response.end());
});
afterAll(async () => await receiver.close());

type Server = Awaited<ReturnType<typeof serve>>;
const remote = ({ url }: Server): string[] => ['--url', url, '--api-key', apiKey];
const clientOf = ({ url }: Server): Svix => new Svix(apiKey, { serverUrl: url });
const idsAt = (path: string): string[] =>
  receiver.requests
    .filter((request) => request.path === path)
    .map(({ headers }) => String(headers['svix-id']))
    .toSorted();

describe('two senders, the other one another Posthorn', () => {
  let [former, own]: Server[] = [];
  /** The endpoint with its counterpart: a log has ids of its sender. */
  let pair: string;
  beforeAll(async () => {
    [former, own] = [await serve(), await serve()];
    for (const server of [former, own] as const) {
      const svix = clientOf(server);
      await svix.application.create({ name: 'Shop', uid: 'shop' });
      const { id } = await svix.endpoint.create('shop', {
        url: new URL('/orders', receiver.url).href,
        uid: 'orders',
        eventTypes: ['order.paid'],
        disabled: server === own,
      });
      if (server === former) pair = `orders=${id}`;
    }
  });
  afterAll(async () => {
    await former!.stop();
    await own!.stop();
  });

  const send = async (servers: readonly Server[], from: number, to: number): Promise<string[]> => {
    const ids = Array.from({ length: to - from }, (_, n) => `order-${from + n}`);
    for (const server of servers)
      for (const eventId of ids)
        await clientOf(server).message.create('shop', {
          eventType: 'order.paid',
          eventId,
          payload: { eventId },
        });
    return ids;
  };
  /** The other sender's log, as it exports it. */
  const exported = async (): Promise<string> => {
    const file = join(tempDir(), 'former.jsonl');
    const { out } = await runHere('deliveries', '--attempts', '--data-dir', former!.dataDir);
    writeFileSync(file, out);
    return file;
  };
  const shadow = async (...args: readonly string[]) =>
    await runHere('shadow', ...args, '--since', '1h', '--json', ...remote(own!));
  const states = async (): Promise<Record<string, number>> => {
    const { out } = await runHere('accounting', '--json', ...remote(own!));
    return JSON.parse(out) as Record<string, number>;
  };
  const inFuture = new Date(Date.now() + 3_600_000).toISOString();

  test('G5, G6: while it is a shadow nothing is sent, the comparison finds what only one has, and going live neither loses nor repeats', async () => {
    const first = await send([former!, own!], 0, 6);
    await until('the other sender has delivered them', () => idsAt('/orders').length === first.length);
    expect(await states()).toMatchObject({ accepted: 6, suppressed: 6, delivered: 0 });

    const equal = await shadow('compare', pair, '--log', await exported(), '--until', inFuture);
    expect(equal.code, equal.err).toBe(0);
    expect(JSON.parse(equal.out)).toMatchObject({ equal: true, endpoints: [{ name: 'orders', both: 6 }] });

    // One event reached only the other sender, two only this one: a difference each.
    await send([former!], 6, 7);
    await until('it is delivered', () => idsAt('/orders').length === 7);
    const gap = await send([own!], 7, 9);
    const log = await exported();
    const differs = await shadow('compare', pair, '--log', log, '--until', inFuture, '--examples', '1');
    expect(differs.code).toBe(1);
    expect(JSON.parse(differs.out)).toMatchObject({
      equal: false,
      endpoints: [{ both: 6, only_here: 2, only_there: 1, examples: { only_there: ['order-6'] } }],
    });
    // What the other sender has is not a drop.
    expect(await shadow('compare', pair, '--log', log, '--until', inFuture, '--cancel')).toMatchObject({
      code: 1,
    });
    expect(await states()).toMatchObject({ accepted: 8, suppressed: 2, cancelled: 6 });

    // It still accepts events: refused, and nothing is sent.
    const early = await shadow('end', pair, '--log', log, '--quiet', '3600');
    expect(early).toMatchObject({ code: 1 });
    expect(early.err).toContain('nothing was changed');
    expect(await states()).toMatchObject({ suppressed: 2 });

    const ended = await shadow('end', pair, '--log', log, '--quiet', '0');
    expect(ended.code, ended.err).toBe(0);
    const after = await send([own!], 9, 12);
    await until('the rest is delivered', () => idsAt('/orders').length >= 12);
    expect(idsAt('/orders')).toEqual([...first, 'order-6', ...gap, ...after].toSorted());
    await until('all is settled', async () => (await states())['pending'] === 0);
    expect(await states()).toMatchObject({ accepted: 11, delivered: 5, cancelled: 6, suppressed: 0 });
    // A repetition sends nothing again.
    expect((await shadow('end', pair, '--log', log, '--quiet', '0')).code).toBe(0);
    expect(await states()).toMatchObject({ accepted: 11, delivered: 5, pending: 0 });
    expect(await runHere('verify', '--data-dir', own!.dataDir)).toMatchObject({ code: 0 });

    // The way back: what comes from now on is the other sender's.
    const pause = await runHere(
      'endpoints',
      'pause',
      'orders',
      '--reason',
      'shadow',
      '--tenant',
      'shop',
      ...remote(own!),
    );
    expect(pause.code, pause.err).toBe(0);
    await send([former!, own!], 12, 14);
    await until('the other sender delivers', () => idsAt('/orders').length === 14);
    expect(await states()).toMatchObject({ delivered: 5, suppressed: 2 });
  });

  test('wrong usage ends with 2', async () => {
    for (const args of [
      ['compare'],
      ['compare', 'unknown', '--log', await exported()],
      ['end', '--log', await exported()],
      ['compare', '--log', '/nowhere.jsonl'],
    ])
      expect((await shadow(...args)).code, args.join(' ')).toBe(2);
  });
});

/** The columns that are read, with the names and types of the server's. */
const tables = `
  CREATE TABLE application (id varchar, org_id varchar, uid varchar, name varchar, deleted boolean);
  CREATE TABLE endpoint (id varchar, app_id varchar, key bytea, url varchar, description varchar, event_types_ids jsonb,
    deleted boolean, disabled boolean, uid varchar, channels jsonb, headers jsonb);
  CREATE TABLE eventtype (name varchar, org_id varchar, description varchar, deleted boolean, schemas json);
  CREATE TABLE message (id varchar, created_at timestamptz, app_id varchar, event_type varchar, uid varchar, payload jsonb);
  CREATE TABLE messagecontent (id varchar, payload bytea);
  CREATE TABLE messageattempt (id varchar, msg_id varchar, endp_id varchar, url varchar, status smallint);
  INSERT INTO application VALUES ('app_1', 'org_1', 'shop', 'Shop', false);
`;

describe('the other sender is Svix', () => {
  let postgres: Awaited<ReturnType<typeof startPostgres>>;
  let own: Server;
  let database: string;
  let client: pg.Client;
  beforeAll(async () => {
    postgres = await startPostgres();
    database = await postgres.createDatabase();
    client = new pg.Client({ connectionString: database });
    own = await serve();
  });
  afterAll(async () => {
    await client.end();
    await own.stop();
    await postgres.stop();
  });

  test('from the import to going live: URL, type, body and headers are compared, what it has disabled stays paused', async () => {
    await client.connect();
    await client.query(tables);
    const url = new URL('/svix', receiver.url).href;
    const endpoint = `INSERT INTO endpoint VALUES ($1, 'app_1', $2, $3, '', NULL, false, $4, NULL, NULL, $5)`;
    await client.query(endpoint, ['ep_a', Buffer.alloc(24, 1), url, false, '{"x-team": "a"}']);
    await client.query(endpoint, ['ep_b', Buffer.alloc(24, 2), `${url}-off`, true, null]);
    const file = join(tempDir(), 'svix.yaml');
    const source = ['--svix-database-url', database];
    const imported = await runHere('import', 'svix', '--database-url', database, '--paused', '--out', file);
    expect(imported.code, imported.err).toBe(0);
    // Twice: an import while it is a shadow resumes nothing.
    for (let n = 0; n < 2; n++) expect((await runHere('apply', '-f', file, ...remote(own))).code).toBe(0);

    const svix = clientOf(own);
    const sent = async (
      n: number,
      sentUrl: string | null,
      type = 'order.paid',
      body?: string,
    ): Promise<void> => {
      const payload = { n, text: 'ä' };
      const id = `msg_${String(n).padStart(27, '0')}`;
      await svix.message.create('shop', { eventType: 'order.paid', eventId: `e-${n}`, payload });
      await client.query(`INSERT INTO message VALUES ($1, now(), 'app_1', $2, $3, NULL)`, [
        id,
        type,
        `e-${n}`,
      ]);
      await client.query('INSERT INTO messagecontent VALUES ($1, $2)', [
        id,
        Buffer.from(body ?? JSON.stringify(payload)),
      ]);
      for (const endpointId of ['ep_a', 'ep_b'])
        if (sentUrl !== null)
          await client.query('INSERT INTO messageattempt VALUES ($1, $2, $3, $4, 0)', [
            `atmpt_${n}${endpointId}`,
            id,
            endpointId,
            endpointId === 'ep_a' ? sentUrl : `${url}-off`,
          ]);
    };
    for (let n = 0; n < 3; n++) await sent(n, url);
    const soon = ['--until', new Date(Date.now() + 3_600_000).toISOString(), '--since', '1h'];
    const compare = async () =>
      await runHere('shadow', 'compare', 'imported-a', ...source, ...soon, '--json', ...remote(own));
    const equal = await compare();
    expect(equal.code, equal.out + equal.err).toBe(0);
    expect(JSON.parse(equal.out)).toMatchObject({ endpoints: [{ both: 3, requests_compared: 3 }] });

    await sent(3, `${url}/other`);
    await sent(4, url, 'order.refunded');
    await sent(5, url, 'order.paid', '{"n": 5}');
    await sent(6, null);
    await client.query(`UPDATE endpoint SET headers = '{"x-team": "a", "x-new": "b"}' WHERE id = 'ep_a'`);
    const differing = await compare();
    expect(differing.code).toBe(1);
    expect(JSON.parse(differing.out)).toMatchObject({
      endpoints: [
        {
          both: 6,
          unsent_there: 1,
          url_differs: 1,
          type_differs: 1,
          body_differs: 1,
          headers_differs: 6,
          examples: {
            url_differs: ['e-3'],
            type_differs: ['e-4'],
            body_differs: ['e-5'],
            unsent_there: ['e-6'],
          },
        },
      ],
    });

    // Posthorn alone gets the last one; the seventh is still on its way in Svix.
    await svix.message.create('shop', { eventType: 'order.paid', eventId: 'e-7', payload: {} });
    const end = [
      'shadow',
      'end',
      '--all',
      ...source,
      '--since',
      '1h',
      '--quiet',
      '0',
      '--json',
      ...remote(own),
    ];
    const ended = await runHere(...end);
    expect(ended.code).toBe(1);
    expect(ended.out).toContain('"cancelled":6');
    expect(ended.out).toContain('"left":["e-6"]');
    await until('it is delivered', () => idsAt('/svix').length === 1);
    expect(idsAt('/svix')).toEqual(['e-7']);
    await client.query(
      `INSERT INTO messageattempt VALUES ('atmpt_6', 'msg_${'6'.padStart(27, '0')}', 'ep_a', $1, 0)`,
      [url],
    );
    expect(await runHere(...end)).toMatchObject({ code: 0 });
    await svix.message.create('shop', { eventType: 'order.paid', eventId: 'e-8', payload: {} });
    await until('it is live', () => idsAt('/svix').length === 2);
    expect(idsAt('/svix-off')).toEqual([]);
  });
});
