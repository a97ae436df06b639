import type { Answer, Input, Line } from '../contract/table.ts';
import type { Caller } from '../domain/caller.ts';
import { invalid, PosthornError } from '../domain/errors.ts';
import type { SentCursor, SentWindow } from '../store/store.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { findEndpoint } from './endpoint-ref.ts';
import { type Handlers, Lines, type Of } from './handler.ts';
import { decodeCursor, encodeCursor, invalidCursor } from './paging.ts';
import { Comparison, type Missing } from './reconcile/comparison.ts';
import { ReceivedIds } from './reconcile/received.ts';

/** Concurrent comparisons on one node, and of one caller: each takes up to 80 MB, and reads much of the store. */
const maxRunning = 3;
const maxOfCaller = 1;
const retryAfterS = 5;

/** Where the lists of an answer begin. */
interface Place {
  /** The last delivery that was listed as missing; null: none yet. */
  readonly missing: SentCursor | null;
  /** Number of unexpected ids that were listed. */
  readonly unexpected: number;
}

/** After everything. */
const allListed: SentCursor = { shard: Number.MAX_SAFE_INTEGER, number: 0 };

/** Compares what was delivered with what a receiver has. */
export function reconcileService({ store }: Pick<ServiceDependencies, 'store'>): Handlers<Of<'reconcile'>> {
  const running: string[] = [];
  const begin = (id: string): (() => void) => {
    running.push(id);
    return () => void running.splice(running.indexOf(id), 1);
  };
  const demandTurn = ({ id }: Caller): void => {
    if (running.length < maxRunning && running.filter((one) => one === id).length < maxOfCaller) return;
    throw new PosthornError(
      'busy',
      'Another comparison is running. Try again when it is done.',
      [],
      retryAfterS,
    );
  };

  /** Reads the ids that the receiver has. */
  const prepare = async ({
    body,
    lines,
  }: Input<'reconcile.run'>): Promise<{ received: ReceivedIds; window: SentWindow; from: Place }> => {
    const { endpoint_id: reference, tenant: asked, limit } = body;
    const since = Date.parse(body.since);
    const until = Date.parse(body.until);
    if (since >= until) throw invalid('/until', 'must be after since');
    const from = placeFrom(body.cursor);
    const { id: endpointId, tenant } = await findEndpoint(store.read, { reference, tenant: asked });
    const window = { endpointId, since, until };
    const received = new ReceivedIds(store.read, window, tenant, { skip: from.unexpected, limit });
    if (lines === null || lines === undefined) await received.add(body.received_ids);
    else for await (const ids of lines) await received.add(ids);
    return { received, window, from };
  };

  return {
    'reconcile.run': async (input, { caller, acceptsLines }) => {
      demandTurn(caller);
      const end = begin(caller.id);
      try {
        const { received, window, from } = await prepare(input);
        const comparison = new Comparison(store.read, window, received);
        if (acceptsLines && input.lines)
          return new Lines(linesOf(comparison, received, from, () => begin(caller.id)));
        return await findDocument(comparison, received, from, input.body.limit);
      } finally {
        end();
      }
    },
  };
}

async function findDocument(
  comparison: Comparison,
  received: ReceivedIds,
  from: Place,
  limit: number,
): Promise<Answer<'reconcile.run'>> {
  const found: Missing[] = [];
  for await (const page of comparison.missing())
    for (const one of page) if (found.length <= limit && isBehind(one.at, from.missing)) found.push(one);
  const listed = found.slice(0, limit);
  const isMore = found.length > limit;
  return {
    ...comparison.totals(),
    missing: listed.map(({ wire }) => wire),
    unexpected: received.unexpected,
    next_cursor: cursorBehind(isMore ? listed.at(-1)!.at : allListed, isMore, received, from),
  };
}

async function* linesOf(
  comparison: Comparison,
  received: ReceivedIds,
  from: Place,
  begin: () => () => void,
): AsyncGenerator<readonly Line<'reconcile.run'>[]> {
  const end = begin();
  try {
    if (received.unexpected.length > 0) yield received.unexpected.map((unexpected) => ({ unexpected }));
    for await (const page of comparison.missing())
      yield page.filter(({ at }) => isBehind(at, from.missing)).map(({ wire }) => ({ missing: wire }));
    const next = cursorBehind(allListed, false, received, from);
    yield [{ summary: { ...comparison.totals(), next_cursor: next } }];
  } finally {
    end();
  }
}

function isBehind(at: SentCursor, last: SentCursor | null): boolean {
  return last === null || at.shard > last.shard || (at.shard === last.shard && at.number > last.number);
}

/** The cursor of the next answer; null: there is nothing more. */
function cursorBehind(
  { shard, number }: SentCursor,
  isMoreMissing: boolean,
  { unexpected, counts }: ReceivedIds,
  from: Place,
): string | null {
  const listed = from.unexpected + unexpected.length;
  return isMoreMissing || counts.unexpected > listed ? encodeCursor(`${shard}.${number}.${listed}`) : null;
}

function placeFrom(cursor: string | undefined): Place {
  const text = decodeCursor(cursor);
  if (text === null) return { missing: null, unexpected: 0 };
  if (!/^\d{1,16}\.\d{1,16}\.\d{1,16}$/.test(text)) throw invalidCursor();
  const [shard, number, unexpected] = text.split('.').map(Number) as [number, number, number];
  return { missing: { shard, number }, unexpected };
}
