import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../../client/src/index.ts';
import type { Clock } from '../runtime/clock.ts';
import { SeededRandom } from '../runtime/seeded-random.ts';
import { Consumption, type ConsumeEnd, type ConsumeOptions } from './consume.ts';
import { mappingFrom } from './mapping.ts';
import { type Message, type RefusedMessage, type Source, SourceFault } from './source.ts';

const crash = new Error('SIGKILL');

/** A clock on which waiting takes no time. */
function aFastClock(): Clock {
  let at = 0;
  return {
    now: () => at,
    monotonic: () => at,
    after: (ms, fn) => {
      let isLive = true;
      queueMicrotask(() => {
        if (isLive) {
          at += ms;
          fn();
        }
      });
      return () => void (isLive = false);
    },
  };
}

interface Aged extends Message {
  readonly partition: number;
  readonly offset: number;
}

/** A message whose body says whether the server takes it. */
const aMessage = (partition: number, offset: number, kind: string): Aged => ({
  partition,
  offset,
  position: `t/${partition}/${offset}`,
  body: kind === 'garbage' ? '{' : JSON.stringify({ kind, offset }),
  key: String(partition),
  subject: 't',
  at: 0,
  fields: () => [],
});

/**
 * A broker with partitions, offsets that are committed or not, and calls that fail. Everything survives a crash of the
 * consumer but what the consumer has read.
 */
class Broker {
  readonly partitions: readonly (readonly Aged[])[];
  readonly committed: number[];
  readonly setAside: string[] = [];
  #step: () => void;

  constructor(kinds: readonly (readonly string[])[], step: () => void) {
    this.partitions = kinds.map((one, partition) =>
      one.map((kind, offset) => aMessage(partition, offset, kind)),
    );
    this.committed = kinds.map(() => 0);
    this.#step = step;
  }

  setStep(step: () => void): void {
    this.#step = step;
  }

  open(batch: number, hasPlace: boolean): Source<Aged> {
    this.#step();
    const at = [...this.committed];
    return {
      read: () => {
        this.#step();
        const messages = this.partitions.flatMap((all, partition) =>
          all.slice(at[partition], at[partition]! + batch),
        );
        for (const { partition, offset } of messages) at[partition] = offset + 1;
        return Promise.resolve(messages);
      },
      commit: (messages) => {
        this.#step();
        for (const { partition, offset } of messages)
          this.committed[partition] = Math.max(this.committed[partition]!, offset + 1);
        this.#step();
        return Promise.resolve();
      },
      lag: () => Promise.resolve(0),
      close: () => Promise.resolve(),
      setAside: hasPlace
        ? (refused) => {
            this.#step();
            this.setAside.push(...refused.map(({ message }) => message.position));
            this.#step();
            return Promise.resolve();
          }
        : undefined,
    };
  }
}

/** Accepts batches as Posthorn does: all or none, and an id once. */
class Server {
  readonly events = new Map<string, string>();
  readonly order: string[] = [];
  step = (): void => {};

  request = (_: string, __: string, body: unknown): Promise<unknown> => {
    this.step();
    const { events } = JSON.parse(body as string) as {
      events: { id: string; data: { kind: string } }[];
    };
    const errors = events.flatMap(({ data }, index) =>
      data.kind === 'refused' ? [{ path: `/events/${index}/data`, message: 'does not match' }] : [],
    );
    if (errors.length > 0) return Promise.reject(new ApiError(422, 'invalid_data', 'invalid', { errors }));
    const accepted = events.map((event) => {
      const duplicate = this.events.has(event.id);
      if (!duplicate) this.order.push(event.id);
      this.events.set(event.id, JSON.stringify(event));
      return {
        id: event.id,
        tenant: 'default',
        type: 'x',
        accepted_at: '2026-01-01T00:00:00Z',
        deliveries: 1,
        suppressed: 0,
        unmatched: false,
        duplicate,
      };
    });
    this.step();
    return Promise.resolve({ accepted });
  };
}

const nothing = (): void => {};
const observer = {
  accepted: nothing,
  setAside: nothing,
  committed: nothing,
  reconnecting: nothing,
  retrying: nothing,
  keepAliveFailed: nothing,
};

function consumption(
  broker: Broker,
  server: Server,
  {
    batch = 3,
    hasPlace = false,
    ...more
  }: Partial<ConsumeOptions<Aged>> & { batch?: number; hasPlace?: boolean } = {},
): Consumption<Aged> {
  return new Consumption<Aged>({
    open: () => Promise.resolve().then(() => broker.open(batch, hasPlace)),
    peer: { name: 'the broker', trust: 'give --ca', identify: 'give --cert' },
    mapping: mappingFrom({ type: '=x', orderingKey: 'key' }, { source: 'fake', word: 'header' }),
    client: { request: server.request as ConsumeOptions<Aged>['client']['request'] },
    requestMs: 1000,
    clock: aFastClock(),
    random: new SeededRandom(1, 'ingest'),
    observer,
    setAside: null,
    idleMs: 0,
    signal: new AbortController().signal,
    ...more,
  });
}

const idOf = ({ position }: Message): string => `fake:${position}`;
const someKinds = (kinds: string[]) =>
  fc.array(fc.array(fc.constantFrom(...kinds), { maxLength: 8 }), { minLength: 1, maxLength: 3 });

describe('exactly one event for each message', () => {
  test('G1: a crash at any step loses none and doubles none; the order of a partition is kept', async () => {
    await fc.assert(
      fc.asyncProperty(
        someKinds(['good']),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 30 }),
        async (kinds, batch, every) => {
          const server = new Server();
          const broker = new Broker(kinds, () => {});
          let crashes = 0;
          // Each run dies one step later than the one before, until one comes to its end.
          for (let fatal = every; ; fatal++) {
            let step = 0;
            const tick = (): void => {
              // Nothing that is committed is missing, at any moment.
              for (const [partition, until] of broker.committed.entries())
                for (const message of broker.partitions[partition]!.slice(0, until))
                  if (!server.events.has(idOf(message))) throw new Error(`lost ${message.position}`);
              // A killed process runs nothing afterwards: every later step dies too.
              if (++step >= fatal) throw new SourceFault(crash.message);
            };
            broker.setStep(tick);
            server.step = tick;
            try {
              await consumption(broker, server, { batch }).run();
              break;
            } catch (error) {
              if ((error as Error).message !== crash.message) throw error;
              crashes++;
            }
          }
          const all = broker.partitions.flat();
          expect([...server.events.keys()].toSorted()).toEqual(all.map(idOf).toSorted());
          for (const messages of broker.partitions) {
            const ids = messages.map(idOf);
            expect(server.order.filter((id) => ids.includes(id))).toEqual(ids);
          }
          expect(broker.committed).toEqual(kinds.map((one) => one.length));
          expect(crashes).toBeLessThan(500);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('G1: calls of the broker that fail are repeated on another connection, and nothing is lost', async () => {
    await fc.assert(
      fc.asyncProperty(
        someKinds(['good']),
        fc.infiniteStream(fc.integer({ min: 0, max: 3 })),
        async (kinds, dice) => {
          const server = new Server();
          const broker = new Broker(kinds, () => {});
          const run = consumption(broker, server);
          let opened = false;
          broker.setStep(() => {
            // The first connection must succeed.
            if (opened && dice.next().value === 0) throw new Error('connection reset');
            opened = true;
          });
          expect(await run.run()).toEqual({ kind: 'idle' });
          expect([...server.events.keys()].toSorted()).toEqual(broker.partitions.flat().map(idOf).toSorted());
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('a message that Posthorn refuses', () => {
  test('G5: ends the loop: all before it is accepted and committed, it and what follows is not', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('good', 'good', 'refused', 'garbage'), { maxLength: 12 }),
        fc.integer({ min: 1, max: 5 }),
        async (kinds, batch) => {
          const server = new Server();
          const broker = new Broker([kinds], () => {});
          const end: ConsumeEnd<Aged> = await consumption(broker, server, { batch }).run();
          const first = kinds.findIndex((kind) => kind !== 'good');
          const count = first < 0 ? kinds.length : first;
          expect(broker.committed).toEqual([count]);
          expect(server.order).toEqual(broker.partitions[0]!.slice(0, count).map(idOf));
          if (first < 0) expect(end).toEqual({ kind: 'idle' });
          else
            expect(end).toMatchObject({
              kind: 'refused',
              refused: {
                message: { position: `t/0/${first}` },
                code: kinds[first] === 'garbage' ? 'not_json' : 'invalid_data',
              },
            });
        },
      ),
    );
  });

  test('G5: is set aside before it is committed, and the others are accepted', async () => {
    await fc.assert(
      fc.asyncProperty(
        someKinds(['good', 'refused', 'garbage']),
        fc.integer({ min: 1, max: 20 }),
        async (kinds, every) => {
          const server = new Server();
          const broker = new Broker(kinds, () => {});
          for (let fatal = every; ; fatal++) {
            let step = 0;
            const tick = (): void => {
              for (const [partition, until] of broker.committed.entries())
                for (const message of broker.partitions[partition]!.slice(0, until))
                  if (!server.events.has(idOf(message)) && !broker.setAside.includes(message.position))
                    throw new Error(`lost ${message.position}`);
              if (++step >= fatal) throw new SourceFault(crash.message);
            };
            broker.setStep(tick);
            server.step = tick;
            try {
              await consumption(broker, server, { hasPlace: true }).run();
              break;
            } catch (error) {
              if ((error as Error).message !== crash.message) throw error;
            }
          }
          const positions = (wanted: (kind: string) => boolean): string[] =>
            kinds.flatMap((one, p) => one.flatMap((kind, o) => (wanted(kind) ? [`t/${p}/${o}`] : [])));
          expect([...new Set(broker.setAside)].toSorted()).toEqual(
            positions((kind) => kind !== 'good').toSorted(),
          );
          expect(server.events.size).toBe(positions((kind) => kind === 'good').length);
        },
      ),
      { numRuns: 60 },
    );
  });
});

test('G1: while Posthorn is away the batch is kept, the broker hears of it, and nothing is committed', async () => {
  const server = new Server();
  const broker = new Broker([['good']], () => {});
  let tries = 0;
  let kept = 0;
  const source = broker.open(3, false);
  const end = await consumption(broker, server, {
    open: () =>
      Promise.resolve({
        ...source,
        keepAliveMs: 1,
        keepAlive: (messages: readonly Aged[]) => {
          kept += messages.length;
          return Promise.resolve();
        },
      }),
    client: {
      request: (async (...args: Parameters<Server['request']>) => {
        if (++tries <= 20) {
          expect(broker.committed).toEqual([0]);
          throw new ApiError(503, 'store_unavailable', 'busy', { retryAfterS: 1 });
        }
        return await server.request(...args);
      }) as ConsumeOptions<Aged>['client']['request'],
    },
  }).run();
  expect(end).toEqual({ kind: 'idle' });
  expect(kept).toBeGreaterThan(0);
  expect(broker.committed).toEqual([1]);
});

test('a key that may not publish ends the loop; nothing is refused or committed for it', async () => {
  const broker = new Broker([['good', 'good']], () => {});
  const refused: RefusedMessage[] = [];
  const run = consumption(broker, new Server(), {
    client: { request: () => Promise.reject(new ApiError(403, 'forbidden', 'this key may not')) },
    setAside: (some) => {
      refused.push(...some);
      return Promise.resolve();
    },
  });
  await expect(run.run()).rejects.toMatchObject({ status: 403 });
  expect({ refused, committed: broker.committed }).toEqual({ refused: [], committed: [0] });
});

test('G1: a broker that never answers a commit is left for another connection, and the batch comes again', async () => {
  const server = new Server();
  const broker = new Broker([['good']], () => {});
  const reasons: string[] = [];
  let opened = 0;
  const end = await consumption(broker, server, {
    open: () => {
      const source = broker.open(3, false);
      const hangs = new Promise<void>(() => {});
      return Promise.resolve(
        ++opened === 1 ? { ...source, commit: () => hangs, close: () => hangs } : source,
      );
    },
    observer: { ...observer, reconnecting: (reason) => void reasons.push(reason) },
  }).run();
  expect(end).toEqual({ kind: 'idle' });
  expect({ opened, committed: broker.committed, events: server.order }).toEqual({
    opened: 2,
    committed: [1],
    events: ['fake:t/0/0'],
  });
  expect(reasons).toEqual(['the broker did not answer within 60 s']);
});

test('the first connection must succeed, and says why it did not', async () => {
  const several = new AggregateError([new Error('connect ECONNREFUSED ::1:1'), new Error('refused')], '');
  const run = consumption(new Broker([[]], () => {}), new Server(), { open: () => Promise.reject(several) });
  await expect(run.run()).rejects.toThrow('cannot connect to the broker: refused');
});

test('a stop ends the loop after the batch, committed', async () => {
  const stop = new AbortController();
  const server = new Server();
  const broker = new Broker([['good', 'good', 'good', 'good']], () => {});
  const run = consumption(broker, server, {
    batch: 2,
    signal: stop.signal,
    observer: { ...observer, accepted: () => stop.abort() },
  });
  expect(await run.run()).toEqual({ kind: 'stopped' });
  expect(broker.committed).toEqual([2]);
});

test('a connection that comes after the limit is closed: it would keep partitions that nobody reads', async () => {
  const broker = new Broker([['fine']], nothing);
  const { promise: opening, resolve: connect } = Promise.withResolvers<Source<Aged>>();
  const run = consumption(broker, new Server(), { open: () => opening }).run();
  await expect(run).rejects.toThrow('cannot connect to the broker: the broker did not answer within 180 s');
  const closed = new Promise<void>((resolve) =>
    connect({ ...broker.open(1, false), close: () => Promise.resolve(resolve()) }),
  );
  await closed;
});

test('a reason is that of the last try, with what caused it and what to do', async () => {
  const cause = Object.assign(new Error('no'), { code: 'SELF_SIGNED_CERT_IN_CHAIN' });
  const last = new Error('Connection to kafka:9093 failed.', { cause });
  const open = (): Promise<never> => Promise.reject(new AggregateError([new Error('first'), last], 'all'));
  await expect(consumption(new Broker([], nothing), new Server(), { open }).run()).rejects.toThrow(
    "cannot connect to the broker: Connection to kafka:9093 failed: no trusted authority has issued the broker's certificate: give --ca if the authority is private",
  );
});
