import { anEndpoint } from '../../test/support.ts';
import type { Sink } from '../sink-process.ts';
import { fillPending, fillSettled } from './fill.ts';
import { type Cost, draining, type Load, publishing } from './measure.ts';
import type { Ground, Place, Served } from './place.ts';

/** What grows: each size has a server with a database of its own. */
export interface Part {
  readonly what: string;
  readonly sizes: readonly number[];
  readonly quick: readonly number[];
  /** How many times the work of an event is that of the smallest size; a cost that grows by more is worse than proportional. */
  readonly workOf: (size: number) => number;
  /** Fills the database; answers how to measure once a server runs on it. */
  readonly prepare: (ground: Ground, place: Place, sink: Sink, size: number) => Promise<Measuring>;
}

export interface Measuring {
  readonly measure: (ground: Ground, served: Served, sink: Sink, seconds: number) => Promise<Cost>;
}

const same = (): number => 1;
const plain: Omit<Load, 'seconds'> = { perS: 500, bytes: 1000, types: 1, fanOut: 1 };

const publishes = (load: Partial<Load> = {}): Measuring => ({
  measure: (ground, served, sink, seconds) =>
    publishing(ground, served, sink, { ...plain, seconds, ...load }),
});

interface EndpointsOf {
  readonly urlOf: (n: number) => string;
  readonly typeOf: (n: number) => string;
}

/** Endpoints at the sink, each with its own part of the types. The store makes the first, and SQL copies it. */
async function endpoints(
  ground: Ground,
  place: Place,
  count: number,
  { urlOf, typeOf }: EndpointsOf,
): Promise<void> {
  const store = await place.openStore();
  const now = Date.now();
  const first = { url: urlOf(0), eventTypes: [typeOf(0)] };
  const made = anEndpoint({ ...first, maxInFlight: 64, createdAt: now, updatedAt: now });
  await store.write.createEndpoint(made);
  await store.close();
  if (count === 1) return;
  const [text, json] = ground.name === 'PostgreSQL' ? ['::text', '::jsonb'] : ['', ''];
  const rows = Array.from(
    { length: count - 1 },
    (_, n) => `('${made.id}x${n}', '${urlOf(n + 1)}', '"${typeOf(n + 1)}"')`,
  );
  await place.run(
    `INSERT INTO posthorn.endpoints (id, tenant, enabled, document)
     SELECT column1, tenant, enabled,
       replace(replace(replace(document${text}, '${made.id}', column1), '${first.url}', column2), '"${typeOf(0)}"', column3)${json}
     FROM (VALUES ${rows.join(', ')}) AS v CROSS JOIN (SELECT * FROM posthorn.endpoints WHERE id = '${made.id}') AS e`,
  );
}

const oneEndpoint = (ground: Ground, place: Place, { port }: Sink): Promise<void> =>
  endpoints(ground, place, 1, { urlOf: () => `http://127.0.0.1:${port}/hook`, typeOf: () => 'growth.*' });

/** Every address of 127.0.0.0/8 is an origin of its own. */
const origin = (n: number, port: number): string =>
  `http://127.${1 + Math.floor(n / 62_500)}.${Math.floor(n / 250) % 250}.${1 + (n % 250)}:${port}/hook`;

/** Each path of one origin is an endpoint of its own. */
const path = (n: number, port: number): string => `http://127.0.0.1:${port}/hook/${n}`;

/** Endpoints each of which gets a type of its own. */
const eachOfItsType =
  (urlOf: (n: number, port: number) => string): Part['prepare'] =>
  async (ground, place, { port }, size) => {
    await endpoints(ground, place, size, { urlOf: (n) => urlOf(n, port), typeOf: (n) => `growth.${n}` });
    return publishes({ types: size });
  };

export const parts: Readonly<Record<string, Part>> = {
  pending: {
    what: 'deliveries that wait for a later retry',
    sizes: [1000, 10_000, 100_000, 1_000_000],
    quick: [1000, 100_000, 1_000_000],
    workOf: same,
    prepare: async (ground, place, sink, size) => {
      await fillPending(ground, place, { count: size, isDue: false });
      await oneEndpoint(ground, place, sink);
      return publishes();
    },
  },
  backlog: {
    what: 'deliveries due now, of one endpoint',
    sizes: [20_000, 100_000, 1_000_000],
    quick: [20_000, 1_000_000],
    workOf: same,
    prepare: async (ground, place, sink, size) => {
      const url = `http://127.0.0.1:${sink.port}/hook`;
      const endpoint = await fillPending(ground, place, { count: size, url, isDue: true });
      return {
        measure: async (on, served, into, seconds) => {
          await served.client.request('PATCH', `/v1/endpoints/${endpoint}`, { rate_limit_per_s: 500 });
          return await draining(on, served, into, { endpoint, seconds });
        },
      };
    },
  },
  settled: {
    what: 'deliveries settled before',
    sizes: [0, 1_000_000, 5_000_000],
    quick: [0, 1_000_000],
    workOf: same,
    prepare: async (ground, place, sink, size) => {
      await fillSettled(ground, place, size);
      await oneEndpoint(ground, place, sink);
      return publishes();
    },
  },
  endpoints: {
    what: 'endpoints, each on an origin of its own',
    sizes: [1, 100, 10_000],
    quick: [1, 100, 10_000],
    workOf: same,
    prepare: eachOfItsType(origin),
  },
  shared: {
    what: 'endpoints, all on one origin',
    sizes: [1, 100, 10_000],
    quick: [1, 10_000],
    workOf: same,
    prepare: eachOfItsType(path),
  },
  payload: {
    what: 'bytes of an event',
    sizes: [1000, 8000, 64_000, 256_000],
    quick: [1000, 8000, 64_000, 256_000],
    workOf: (size) => size / 1000,
    prepare: async (ground, place, sink, size) => {
      await oneEndpoint(ground, place, sink);
      return publishes({ perS: 60, bytes: size });
    },
  },
  fanout: {
    what: 'endpoints that get each event',
    sizes: [1, 10, 1000],
    quick: [1, 10, 1000],
    workOf: (size) => size,
    prepare: async (ground, place, sink, size) => {
      await endpoints(ground, place, size, { urlOf: (n) => path(n, sink.port), typeOf: () => 'growth.*' });
      // As many deliveries a second, whatever the size.
      return publishes({ perS: 500 / size, fanOut: size });
    },
  },
};
