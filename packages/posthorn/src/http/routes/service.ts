import { hash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { ownedShards } from '../../domain/shard.ts';
import { accountingQuery, pageQuery } from '../../contract/legacy-schemas.ts';
import { openApi } from '../../contract/openapi.ts';
import { atMostEvery } from '../at-most-every.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { parse } from '../../contract/parse.ts';
import { pageOf } from '../../service/paging.ts';
import { iso, wireAccounting, wireClock, wireTally } from '../../service/wire.ts';

/** Scrapers of several systems get the same text. */
const metricsFreshMs = 1000;

export function serviceRoutes(app: FastifyInstance, deps: ApiDependencies): void {
  const { store, engine, clock, metrics, version } = deps;

  app.get('/v1/accounting', async (request) => {
    const { tenant, endpoint_id, event_type, owner, since, until, by, ...page } = parse(
      accountingQuery,
      request.query,
    );
    const query = {
      tenant: tenant ?? null,
      endpointId: endpoint_id ?? null,
      eventType: event_type ?? null,
      owner: owner ?? null,
      since: since === undefined ? null : Date.parse(since),
      until: until === undefined ? null : Date.parse(until),
      now: clock.now(),
    };
    const totals = wireAccounting(await store.accounting(query));
    if (by === undefined) return totals;
    const groups = await store.accountingBy(query, by);
    // Times in their order; else the largest first.
    const { items, next_cursor: next } = pageOf(groups, page, ({ key, accepted }) =>
      typeof key === 'number' ? [key] : [-accepted, key ?? ''],
    );
    return { ...totals, groups: items.map((group) => wireTally(group, by)), next_cursor: next };
  });

  app.get('/v1/nodes', async (request) => {
    const nodes = await store.nodes();
    const names = nodes.map(({ node }) => node);
    const items = nodes.map(({ node, startedAt, beatAt }) => ({
      node,
      started_at: iso(startedAt),
      last_heartbeat_at: iso(beatAt),
      shards: ownedShards(names, node),
    }));
    return pageOf(items, parse(pageQuery, request.query), ({ node }) => [node]);
  });

  app.get('/healthz', () => ({ status: 'ok', version }));

  app.get('/readyz', async (_request, reply) => {
    const { ready, storeFault, inFlight, buffered, clock: time } = engine.status();
    return reply.code(ready ? 200 : 503).send({
      status: ready ? 'ready' : 'not ready',
      in_flight: inFlight,
      buffered,
      ...(storeFault === null ? {} : { store_fault: storeFault }),
      clock: wireClock(time),
    });
  });

  const renderMetrics = atMostEvery(clock, metricsFreshMs, async () => Buffer.from(await metrics.render()));
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await renderMetrics()));

  // Made once: 200 KB that anybody may ask for.
  let document: { readonly body: Buffer; readonly etag: string } | null = null;
  app.get('/openapi.json', async (request, reply) => {
    if (document === null) {
      const text = JSON.stringify(openApi(version));
      document = { body: Buffer.from(text), etag: `"${hash('sha256', text).slice(0, 32)}"` };
    }
    void reply.header('etag', document.etag);
    if (request.headers['if-none-match'] === document.etag) return reply.code(304).send();
    return reply.type('application/json; charset=utf-8').send(document.body);
  });
}
