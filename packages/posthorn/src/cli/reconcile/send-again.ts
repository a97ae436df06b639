import type { Client, MissingDelivery } from '@posthorn/client';
import { MissingEvents, statesSent } from '../../domain/missing-events.ts';
import { count as many } from '../../report/count.ts';
import { wireAnswer } from '../answers.ts';
import { exitBy, type Job, reportJob, watched } from '../bulk.ts';
import { CommandError, interrupted, note, print, printExact } from '../output.ts';

/** The filter of one job names at most so many events (contract/delivery-filter.ts), and a request has at most 256 KiB. */
const maxEventsInJob = 1000;
const maxIdBytesInJob = 200_000;
/** Shorter than the 128 that a name may have, so that the number of a part fits after it. */
const maxNameLength = 100;
/** A million ids need about 100 MB here. */
const maxEvents = 1_000_000;

type Kind = 'replay' | 'redrive';

export interface SendAgainOptions {
  /** Name of the jobs, as `posthorn replays` shows it. */
  readonly name: string;
  readonly ratePerS?: number | undefined;
  readonly json: boolean;
}

interface Part {
  readonly kind: Kind;
  readonly eventIds: readonly string[];
}

/** Collects what is missing, to be sent again when the comparison is complete. */
export class Again {
  readonly #events = new MissingEvents();

  add({ eventId, state }: Pick<MissingDelivery, 'eventId' | 'state'>): void {
    this.#events.add(eventId, state);
    if (this.#events.size > maxEvents)
      throw new CommandError(
        `more than ${many(maxEvents)} events are missing, and nothing was sent again: compare shorter windows, or replay a window with posthorn replay --endpoint-id … --since … --until …`,
      );
  }

  /** One job for up to 1,000 events of a kind. */
  get parts(): readonly Part[] {
    return (['replay', 'redrive'] as const).flatMap((kind) =>
      splitIds(this.#events.idsOf(kind)).map((eventIds) => ({ kind, eventIds })),
    );
  }

  /** What is not sent again, and why. */
  get left(): { readonly pending: number; readonly cancelled: number } {
    return {
      pending: this.#events.idsOf('pending').length,
      cancelled: this.#events.idsOf('cancelled').length,
    };
  }
}

function splitIds(ids: Iterable<string>): string[][] {
  const groups: string[][] = [];
  let bytes = 0;
  for (const id of ids) {
    const size = Buffer.byteLength(JSON.stringify(id)) + 1;
    const last = groups.at(-1);
    if (last === undefined || last.length === maxEventsInJob || bytes + size > maxIdBytesInJob) {
      groups.push([id]);
      bytes = size;
    } else {
      last.push(id);
      bytes += size;
    }
  }
  return groups;
}

interface Endpoint {
  readonly id: string;
  readonly tenant: string;
}

async function begin(
  client: Client,
  { id: endpointId, tenant }: Endpoint,
  { kind, eventIds }: Part,
  fields: { readonly name: string; readonly ratePerS?: number | undefined },
): Promise<Job> {
  const filter = { tenant, endpointId, eventId: eventIds };
  return kind === 'replay'
    ? // To this endpoint: an event that was delivered twice is sent once.
      await client.replays.create({ filter: { ...filter, state: statesSent.replay }, endpointId, ...fields })
    : await client.redrives.create({ filter: { ...filter, state: statesSent.redrive }, ...fields });
}

/**
 * Sends what is missing again, in jobs of the server that run one after the other under one name; answers whether all of
 * it is on its way. A job that is stopped, by an operator or because its first deliveries fail again, ends all of them:
 * the next comparison finds the rest.
 */
export async function sendAgain(
  client: Client,
  endpoint: Endpoint,
  again: Again,
  { name, ratePerS, json }: SendAgainOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const { parts, left } = again;
  for (const [at, part] of parts.entries()) {
    if (signal.aborted) throw new CommandError('stopped; the rest is not sent again', interrupted);
    const { kind } = part;
    const jobName =
      parts.length === 1 ? name : `${name.slice(0, maxNameLength)} (${at + 1} of ${parts.length})`;
    const begun = await begin(client, endpoint, part, { name: jobName, ratePerS });
    const read = async (id: string): Promise<Job> =>
      kind === 'replay' ? await client.replays.get(id) : await client.redrives.get(id);
    const job = await watched(begun, read, signal);
    if (json) printExact(JSON.stringify({ [kind]: wireAnswer(`${kind}s.get`, job) }));
    else reportJob(job, kind);
    exitBy(job, kind);
    if (job.state !== 'done' && at + 1 < parts.length)
      note('the rest is not sent again; when the receiver works, run the command again');
    if (job.state !== 'done' || job.skipped > 0) return false;
  }
  if (!json && left.pending > 0)
    print(`${many(left.pending)} pending: Posthorn delivers them without a replay`);
  if (!json && left.cancelled > 0)
    print(
      `${many(left.cancelled)} cancelled by an operator: not sent again; posthorn replay <event> does it`,
    );
  return left.cancelled === 0;
}
