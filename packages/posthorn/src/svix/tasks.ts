import { z } from 'zod';
import type { Answer } from '../contract/table.ts';
import { PosthornError } from '../domain/errors.ts';
import { dayMs } from '../domain/time.ts';
import { statesFrom, statusClassFrom, statusCodeClass } from './attempts.ts';
import { InvalidFields, missing, unsupported } from './errors.ts';
import { endpointPlace } from './endpoints.ts';
import { jobFrom, taskId } from './ids.ts';
import { forward, listAnswer, pageFrom } from './lists.ts';
import { type Context, parseBody, type Route } from './request.ts';

// What is done to many messages in the background: a redrive, or a replay.

type Redrive = Answer<'redrives.get'>;
type Replay = Answer<'replays.get'>;

const states = { running: 'running', done: 'finished', stopped: 'failed' } as const;

/** `endpoint.recover`: what failed; `endpoint.replay`: what was suppressed; `endpoint.bulk-replay`: what was chosen. */
function taskOut(job: Redrive | Replay): object {
  const isReplay = 'replayed' in job;
  const { state: only = [] } = job.filter;
  return {
    id: taskId(job.id),
    status: states[job.state],
    task: isReplay
      ? 'endpoint.bulk-replay'
      : only.includes('dead') || only.length === 0
        ? 'endpoint.recover'
        : 'endpoint.replay',
    data: { messagesSent: isReplay ? job.replayed : job.redriven },
    updatedAt: job.finished_at ?? job.created_at,
  };
}

const time = z.iso.datetime({ offset: true });
const range = z.object({ since: time, until: time.nullish() });
const longestDays = 14;

interface Range {
  readonly since: string;
  readonly until?: string;
}

function rangeFrom({ since, until }: z.output<typeof range>, { deps }: Context): Range {
  const end = typeof until === 'string' ? Date.parse(until) : deps.clock.now();
  const message =
    Date.parse(since) > end
      ? 'must not be after until'
      : end - Date.parse(since) > longestDays * dayMs
        ? `must be at most ${longestDays} days before until`
        : null;
  if (message !== null) throw new InvalidFields('body', [{ path: '/since', message }]);
  return { since, ...(typeof until === 'string' ? { until } : {}) };
}

/** Makes the endpoint's deliveries of these states pending again. */
async function redrive(
  context: Context,
  state: readonly string[],
): Promise<{ status: number; body: object }> {
  const window = rangeFrom(parseBody(range, context), context);
  const { tenant, params } = await endpointPlace(context);
  const filter = { tenant, endpoint_id: params.id, state, ...window };
  return { status: 202, body: taskOut(await context.own('redrives.create', { body: { filter } })) };
}

const selection = range.extend({
  eventTypes: z.array(z.string()).nullish(),
  channel: z.string().nullish(),
  tag: z.string().nullish(),
  status: z.int().min(0).max(4).nullish(),
  statusCodeClass: statusCodeClass.nullish(),
});

async function bulkReplay(context: Context): Promise<{ status: number; body: object }> {
  const {
    eventTypes,
    channel,
    tag,
    status,
    statusCodeClass: codes,
    ...given
  } = parseBody(selection, context);
  const why = 'select by event types, channel, time and status';
  if (typeof tag === 'string') throw unsupported('body', 'tag', why);
  const window = rangeFrom(given, context);
  const { tenant, params } = await endpointPlace(context);
  const filter = {
    tenant,
    endpoint_id: params.id,
    ...window,
    ...(Array.isArray(eventTypes) && eventTypes.length > 0 ? { event_type: eventTypes } : {}),
    ...(typeof channel === 'string' ? { routing_key: [channel] } : {}),
    ...(typeof codes === 'number' ? { status_class: statusClassFrom(codes) } : {}),
    ...(typeof status === 'number' ? { state: statesFrom(status) } : {}),
  };
  return { status: 202, body: taskOut(await context.own('replays.create', { body: { filter } })) };
}

async function oneTask({ own, params }: Context): Promise<Redrive | Replay> {
  const id = jobFrom(params['task']!);
  if (id === null) throw missing();
  try {
    return id.startsWith('rpl_')
      ? await own('replays.get', { params: { id } })
      : await own('redrives.get', { params: { id } });
  } catch (error) {
    throw error instanceof PosthornError && error.code === 'not_found' ? missing() : error;
  }
}

/** Redrives and replays are listed one kind after the other: the iterator says which. */
async function listTasks(context: Context): Promise<object> {
  context.query.refuse(['status', 'task'], 'list all tasks');
  const { cursor, ...page } = pageFrom(context, 'desc');
  const inReplays = cursor?.startsWith('rpl.') === true;
  const rest = cursor === undefined || cursor === 'rpl.' ? undefined : cursor.replace(/^rpl\./, '');
  const query = { ...page, ...(rest === undefined ? {} : { cursor: rest }) };
  if (inReplays) {
    const { items, next_cursor: next } = await context.own('replays.list', { query });
    return listAnswer(items.map(taskOut), forward(next === null ? null : `rpl.${next}`));
  }
  const { items, next_cursor: next } = await context.own('redrives.list', { query });
  return listAnswer(items.map(taskOut), forward(next ?? 'rpl.'));
}

export const taskRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: 'app/{app}/endpoint/{endpoint}/recover',
    scope: 'operate',
    handle: async (context) => await redrive(context, ['dead']),
  },
  {
    method: 'POST',
    path: 'app/{app}/endpoint/{endpoint}/replay-missing',
    scope: 'operate',
    handle: async (context) => await redrive(context, ['suppressed']),
  },
  {
    method: 'POST',
    path: 'app/{app}/endpoint/{endpoint}/bulk-replay',
    scope: 'operate',
    handle: bulkReplay,
  },
  {
    method: 'GET',
    path: 'background-task',
    scope: 'read',
    handle: async (context) => ({ status: 200, body: await listTasks(context) }),
  },
  {
    method: 'GET',
    path: 'background-task/{task}',
    scope: 'read',
    handle: async (context) => ({ status: 200, body: taskOut(await oneTask(context)) }),
  },
];
