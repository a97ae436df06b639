import { describe, expect, test } from 'vitest';
import { ApiError, type Client } from '../../../../client/src/index.ts';
import { table } from '../../contract/table.ts';
import type { InputLine } from '../../logs/lines.ts';
import type { Clock } from '../../runtime/clock.ts';
import { SeededRandom } from '../../runtime/seeded-random.ts';
import { BatchSender, LineRefused, type Refusal } from './batch-sender.ts';
import { derivedId, type EventLine, eventOfLine } from './event-line.ts';
import { Publisher } from './publisher.ts';

/** A clock on which waiting takes no time; it counts what was waited for. */
function aFastClock(): Clock & { waited: number[] } {
  let at = 0;
  const waited: number[] = [];
  return {
    waited,
    now: () => at,
    monotonic: () => at,
    after: (ms, fn) => {
      let live = true;
      queueMicrotask(() => {
        if (!live) return;
        waited.push(ms);
        at += ms;
        fn();
      });
      return () => (live = false);
    },
  };
}

const lineOf = (number: number, fields: object = {}): EventLine =>
  eventOfLine(JSON.stringify({ id: `e${number}`, type: 'a', data: {}, ...fields }), number, {
    pointers: null,
  });

const receiptsOf = (body: unknown): { accepted: object[] } => ({
  accepted: (JSON.parse(body as string) as { events: { id: string }[] }).events.map(({ id }) => ({
    ...table['events.publish'].example.answer,
    id,
    duplicate: false,
  })),
});
const idsOf = (body: unknown): string[] =>
  (JSON.parse(body as string) as { events: { id: string }[] }).events.map(({ id }) => id);

function aSender(
  request: (body: unknown, n: number) => unknown,
  { skipRefused = true, retryForMs = 60_000 } = {},
) {
  const clock = aFastClock();
  const requests: string[][] = [];
  const client = {
    request: async (_method: string, _path: string, body: unknown) => {
      requests.push(idsOf(body));
      return await request(body, requests.length);
    },
  } as Pick<Client, 'request'>;
  const accepted: string[] = [];
  const refused: Refusal[] = [];
  const sender = new BatchSender({
    client,
    clock,
    random: new SeededRandom(1, 'publish'),
    outcomes: { accepted: ({ id }) => accepted.push(id), refused: (one) => refused.push(one) },
    skipRefused,
    retryForMs,
    requestMs: 20_000,
    signal: new AbortController().signal,
  });
  return { sender, clock, requests, accepted, refused };
}

describe('the id of a line that has none (G1)', () => {
  const text = '{"type":"a","data":1}';
  test('is the same for the same tenant, text and number, and another for each other', () => {
    const ids = [
      derivedId('default', text, 1),
      derivedId('default', text, 2),
      derivedId('other', text, 1),
      derivedId('default', `${text} `.replace('1', '2'), 1),
    ];
    expect(new Set(ids).size).toBe(4);
    expect(eventOfLine(text, 1, { pointers: null })).toMatchObject({ id: ids[0], isIdDerived: true });
    expect(eventOfLine(` ${text}\t`, 1, { pointers: null }).id).toBe(ids[0]);
    expect(eventOfLine('{"id":null,"type":"a","data":1}', 1, { pointers: null }).isIdDerived).toBe(true);
    // The derivation is for ever: files published by one release are published again by the next.
    expect(ids[0]).toBe('line_XCO5hpxlCC090_vD0zgqvOWedU3zH_zz');
  });

  test('a line keeps its own id and its data to the letter', () => {
    const event = eventOfLine('{"data":{"n":1.0,"big":12345678901234567890},"id":"mine","type":"a"}', 7, {
      pointers: null,
    });
    expect(event).toMatchObject({ id: 'mine', isIdDerived: false, number: 7 });
    expect(event.text).toBe('{"id":"mine","type":"a","data":{"n":1.0,"big":12345678901234567890}}');
  });

  test.each([
    ['{broken', 'not JSON'],
    ['[1]', 'not a JSON object'],
    ['null', 'not a JSON object'],
    ['{"type":"a"}', 'no "data"'],
  ])('%s is refused: %s', (line, message) => {
    expect(() => eventOfLine(line, 1, { pointers: null })).toThrow(message);
  });

  test('values come from where the pointers lead, exactly or not at all', () => {
    const pointers = { amount: '/a', currency: '/c' };
    const of = (data: object) => eventOfLine(JSON.stringify({ type: 'a', data }), 1, { pointers });
    expect(of({ a: 1099, c: 'EUR' }).text).toContain('"value":{"amount_minor":1099,"currency":"EUR"}');
    expect(of({ a: '1099', c: 'EUR' }).lacksValue).toBe(true);
    expect(() => of({ a: 10.99, c: 'EUR' })).toThrow(/whole number/);
    expect(() => of({ a: 2 ** 53, c: 'EUR' })).toThrow(/whole number/);
  });
});

describe('sending a batch (G1, G5)', () => {
  const lines = Array.from({ length: 10 }, (_, n) => lineOf(n + 1));
  const all = lines.map(({ id }) => id);

  test.each([408, 429, 500, 502, 503, 504, 522])('%i is tried again, with the same ids', async (status) => {
    const { sender, requests, accepted } = aSender((body, n) => {
      if (n < 3) throw new ApiError(status, 'garbled', 'busy');
      return receiptsOf(body);
    });
    await sender.send(lines);
    expect(requests).toEqual([all, all, all]);
    expect(accepted).toEqual(all);
  });

  test.each([
    ['no connection', new ApiError(0, 'unreachable', 'x')],
    ['an answer that is cut', new ApiError(0, 'cut', 'x')],
    ['no answer', new ApiError(0, 'timeout', 'x')],
    ["a proxy's page with 200", new ApiError(200, 'garbled', 'x')],
  ])('%s is tried again', async (_, failure) => {
    const { sender, accepted } = aSender((body, n) => {
      if (n === 1) throw failure;
      return receiptsOf(body);
    });
    await sender.send(lines);
    expect(accepted).toEqual(all);
  });

  test.each([
    ['fewer', (body: unknown) => ({ accepted: receiptsOf(body).accepted.slice(1) })],
    ['others', (body: unknown) => ({ accepted: receiptsOf(body).accepted.map(() => ({ id: 'other' })) })],
    ['without numbers', (body: unknown) => ({ accepted: idsOf(body).map((id) => ({ id })) })],
    ['none', () => ({ ok: true })],
    ['null', () => null],
    ['nulls', (body: unknown) => ({ accepted: receiptsOf(body).accepted.map(() => null) })],
  ])('nothing is accepted without a receipt for it: %s', async (_, answer) => {
    const { sender, accepted } = aSender(answer);
    await expect(sender.send(lines)).rejects.toThrow(/without a receipt for every event; gave up after/);
    expect(accepted).toEqual([]);
  });

  test('waiting grows, is bounded, and never shorter than Retry-After', async () => {
    const { sender, clock } = aSender(() => {
      throw new ApiError(503, 'unavailable', 'away');
    });
    await expect(sender.send(lines)).rejects.toThrow(/away; gave up after \d+ tries/);
    expect(clock.waited.length).toBeGreaterThan(5);
    expect(clock.monotonic()).toBeLessThanOrEqual(60_000);
    const asked = aSender((body, n) => {
      if (n === 1) throw new ApiError(429, 'garbled', 'slow', { retryAfterS: 7 });
      return receiptsOf(body);
    });
    await asked.sender.send(lines);
    expect(asked.clock.waited[0]).toBeGreaterThanOrEqual(7000);
    const absurd = aSender(() => {
      throw new ApiError(429, 'garbled', 'slow', { retryAfterS: 999_999 });
    });
    await expect(absurd.sender.send(lines)).rejects.toThrow(/gave up after 2 tries/);
  });

  test('a server that never answers is given up before the time of retries ends', async () => {
    const { sender, requests, clock } = aSender(async () => {
      await new Promise<void>((resolve) => clock.after(20_000, resolve));
      throw new ApiError(0, 'timeout', 'no answer');
    });
    await expect(sender.send(lines)).rejects.toThrow('no answer; gave up after 2 tries');
    expect(requests).toHaveLength(2);
    expect(clock.monotonic()).toBeLessThan(60_000);
  });

  test.each([401, 403, 404, 405, 501])('%i is not about a line: it ends the work at once', async (status) => {
    const { sender, requests } = aSender(() => {
      throw new ApiError(status, 'x', 'no');
    });
    await expect(sender.send(lines)).rejects.toThrow('no');
    expect(requests).toHaveLength(1);
  });

  test('lines that the answer names are refused by their numbers, and the others accepted', async () => {
    const { sender, accepted, refused } = aSender((body) => {
      const bad = idsOf(body).flatMap((id, index) => (id === 'e3' || id === 'e8' ? [index] : []));
      if (bad.length === 0) return receiptsOf(body);
      throw new ApiError(422, 'invalid_request', 'bad', {
        errors: bad.map((index) => ({ path: `/events/${index}/type`, message: 'must be a name' })),
      });
    });
    await sender.send(lines);
    expect(accepted).toEqual(all.filter((id) => id !== 'e3' && id !== 'e8'));
    expect(refused).toEqual([
      { line: 3, code: 'invalid_request', message: '/type must be a name' },
      { line: 8, code: 'invalid_request', message: '/type must be a name' },
    ]);
  });

  test('lines that the answer does not name are found by halving', async () => {
    const { sender, accepted, refused, requests } = aSender((body) => {
      if (!idsOf(body).includes('e7')) return receiptsOf(body);
      throw new ApiError(400, 'too_deep', 'nests too deep');
    });
    await sender.send(lines);
    expect(refused).toEqual([{ line: 7, code: 'too_deep', message: 'nests too deep' }]);
    expect(accepted).toHaveLength(9);
    expect(requests.length).toBeLessThan(10);
  });

  test('413 halves the batch; an event that is too large by itself is refused', async () => {
    const { sender, accepted, refused } = aSender((body) => {
      const ids = idsOf(body);
      if (ids.length <= 2 && !ids.includes('e5')) return receiptsOf(body);
      throw new ApiError(413, 'garbled', 'too large');
    });
    await sender.send(lines);
    expect(accepted).toHaveLength(9);
    expect(refused.map(({ line }) => line)).toEqual([5]);
  });

  test('a batch of nothing but bad lines costs at most two requests a line', async () => {
    const { sender, refused, requests } = aSender(() => {
      throw new ApiError(409, 'event_id_conflict', 'used', {
        errors: [{ path: '/events/0/id', message: 'used' }],
      });
    });
    await sender.send(lines);
    expect(refused).toHaveLength(10);
    expect(requests.length).toBeLessThanOrEqual(20);
  });

  test('without skipping, the first refused line ends the work', async () => {
    const { sender, refused } = aSender(
      () => {
        throw new ApiError(422, 'x', 'bad', { errors: [{ path: '/events/4/id', message: 'bad' }] });
      },
      { skipRefused: false },
    );
    await expect(sender.send(lines)).rejects.toThrow(LineRefused);
    expect(refused.map(({ line }) => line)).toEqual([5]);
  });
});

describe('reading and sending (G5)', () => {
  const neverIdle: Clock = { now: () => 0, monotonic: () => 0, after: () => () => {} };
  async function* inputOf(texts: readonly string[], after?: Promise<never>): AsyncGenerator<InputLine[]> {
    yield texts.map((text, index) => ({ number: index + 1, text }));
    await after;
  }
  const publish = (
    input: AsyncIterable<readonly InputLine[]>,
    send: (lines: readonly EventLine[]) => Promise<void>,
    { skipRefused = false, clock = neverIdle, refused = [] as Refusal[], stop = new AbortController() } = {},
  ) =>
    new Publisher({
      input,
      toEvent: (text, number) => eventOfLine(text, number, { pointers: null }),
      send,
      refused: (one) => refused.push(one),
      skipRefused,
      clock,
      stop,
    }).run();
  const event = (fields: object = {}): string => JSON.stringify({ type: 'a', data: 1, ...fields });
  const forever = new Promise<never>(() => {});

  test('a batch that fails ends the work while the producer pauses', async () => {
    const texts = Array.from({ length: 600 }, () => event());
    const end = await publish(inputOf(texts, forever), async () => {
      await new Promise((resolve) => setImmediate(resolve));
      throw new Error('refused');
    });
    expect(end).toMatchObject({ kind: 'failed', error: new Error('refused') });
  });

  test('what has been read is sent while the producer pauses', async () => {
    const clock = aFastClock();
    let sent = 0;
    const stop = new AbortController();
    const end = await publish(
      inputOf([event()], forever),
      async (lines) => {
        sent += lines.length;
        stop.abort();
      },
      { clock, stop },
    );
    expect({ sent, end }).toEqual({ sent: 1, end: { kind: 'stopped' } });
  });

  test('batches are cut by count and by bytes', async () => {
    const batches: EventLine[][] = [];
    const texts = [
      ...Array.from({ length: 501 }, () => event()),
      ...Array.from({ length: 5 }, () => event({ data: 'x'.repeat(300_000) })),
    ];
    expect(await publish(inputOf(texts), async (lines) => void batches.push([...lines]))).toEqual({
      kind: 'finished',
    });
    expect(batches.map((batch) => batch.length)).toEqual([500, 3, 2, 1]);
    expect(
      Math.max(...batches.map((batch) => batch.reduce((sum, { bytes }) => sum + bytes, 0))),
    ).toBeLessThan(1_000_000);
  });

  test('events of one ordering key are never under way in two batches', async () => {
    const texts = Array.from({ length: 2000 }, () => event({ ordering_key: 'k' }));
    let [running, most] = [0, 0];
    await publish(inputOf(texts), async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
    });
    expect(most).toBe(1);
  });

  test('lines before a bad one are sent, and none behind it', async () => {
    const sent: number[] = [];
    const refused: Refusal[] = [];
    const end = await publish(
      inputOf([event(), '', '  \t', event(), '{broken', event()]),
      async (lines) => void sent.push(...lines.map(({ number }) => number)),
      { refused },
    );
    expect({ end, sent, refused }).toEqual({
      end: { kind: 'refused' },
      sent: [1, 4],
      refused: [{ line: 5, code: 'not_json', message: 'not JSON' }],
    });
  });

  test('an input that breaks off is a failure', async () => {
    async function* broken(): AsyncGenerator<InputLine[]> {
      yield [{ number: 1, text: event() }];
      throw new Error('unexpected end of file');
    }
    const end = await publish(broken(), async () => {});
    expect(end).toMatchObject({ kind: 'failed', error: new Error('unexpected end of file') });
  });
});
