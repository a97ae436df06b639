import { type Command, InvalidArgumentError } from 'commander';
import { type Client } from '@posthorn/client';
import { Consumption } from '../../ingest/consume.ts';
import { type FieldWord, type Mapping, MappingError, mappingFrom } from '../../ingest/mapping.ts';
import { openRefusedFile } from '../../ingest/refused-file.ts';
import { type Message, type Source, SourceFault } from '../../ingest/source.ts';
import { serveStatus, Status } from '../../ingest/status.ts';
import { count as many } from '../../report/count.ts';
import { systemClock } from '../../runtime/clock.ts';
import { systemRandom } from '../../runtime/random.ts';
import { repeat } from '../../runtime/repeat.ts';
import type { TlsPeer } from '../../runtime/tls-reasons.ts';
import { demandPackages } from '../optional-package.ts';
import { CommandError, note, print, printJson } from '../output.ts';
import { clientFrom, integerBetween, numberBetween, type RemoteOptions, remoteOptions } from '../remote.ts';
import { stoppable } from '../stoppable.ts';

export interface IngestOptions extends RemoteOptions {
  readonly type: string;
  readonly id?: string;
  readonly tenant?: string;
  readonly orderingKey?: string;
  readonly occurredAt?: string;
  readonly data?: string;
  readonly idPrefix?: string;
  readonly batch: number;
  readonly refusedTo?: string;
  readonly untilIdle?: number;
  readonly progress: number;
  readonly status?: { readonly host: string; readonly port: number };
  readonly timeout: number;
  readonly json?: boolean;
}

/** What differs between brokers. */
export interface Broker<M extends Message = Message> {
  readonly name: string;
  /** In the ids that are derived from positions; default: the name. */
  readonly idSource?: string;
  readonly word: FieldWord;
  /** Not installed with `posthorn`. */
  readonly packages: readonly string[];
  readonly peer: TlsPeer;
  readonly open: () => Promise<Source<M>>;
}

function listenAddress(text: string): { host: string; port: number } {
  const [, host, port] = /^(?:\[?([\w.:-]+?)\]?:)?(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535)
    throw new InvalidArgumentError('takes a port or an address with a port, such as 127.0.0.1:9410');
  return { host: host ?? '127.0.0.1', port: Number(port) };
}

function mapped(
  options: IngestOptions,
  { name, idSource = name, word }: Pick<Broker, 'name' | 'idSource' | 'word'>,
): Mapping {
  try {
    return mappingFrom(
      {
        id: options.id,
        type: options.type,
        tenant: options.tenant,
        orderingKey: options.orderingKey,
        occurredAt: options.occurredAt,
        data: options.data,
      },
      { source: idSource, word, ...(options.idPrefix === undefined ? {} : { idPrefix: options.idPrefix }) },
    );
  } catch (error) {
    if (error instanceof MappingError) throw new CommandError(error.message, 2);
    throw error;
  }
}

/** Ends before anything is consumed if the server is away or the key may not publish. */
async function demandPublisher(client: Client): Promise<void> {
  const { name, scopes } = await client.me.get();
  if (!scopes.includes('publish') && !scopes.includes('admin'))
    throw new CommandError(
      `the key ${name} may not publish: posthorn keys create ingest --scopes publish makes one that may`,
      2,
    );
}

const progressLine = ({ accepted, duplicates, refused, lag }: Status['counts']): string =>
  `${many(accepted)} accepted (${many(duplicates)} duplicates), ${many(refused)} refused${lag === null ? '' : `, ${many(lag)} waiting`}`;

/** Reports progress while something changes, so that a quiet source fills no log. */
function reportProgress(
  consumption: Pick<Consumption<Message>, 'lag' | 'heldBytes'>,
  status: Status,
  everyS: number,
) {
  let last = '';
  return repeat(
    systemClock,
    async () => {
      status.sawLag(await consumption.lag(), await consumption.heldBytes());
      const line = progressLine(status.counts);
      if (line !== last) note(line);
      last = line;
    },
    { everyMs: everyS * 1000, onError: (error) => note(error.message) },
  );
}

export async function ingest<M extends Message>(broker: Broker<M>, options: IngestOptions): Promise<void> {
  const client = clientFrom(options);
  const mapping = mapped(options, broker);
  demandPackages(broker.packages, `posthorn ingest ${broker.name}`, import.meta.url);
  const file = options.refusedTo === undefined ? null : openedFile(options.refusedTo);
  await demandPublisher(client);
  const status = new Status(systemClock, note);
  const server = options.status === undefined ? null : await serveStatus(status, broker.name, options.status);
  try {
    await stoppable(async (signal) => {
      const consumption = new Consumption({
        open: broker.open,
        peer: broker.peer,
        mapping,
        client,
        requestMs: options.timeout * 1000,
        clock: systemClock,
        random: systemRandom,
        observer: status,
        setAside: file === null ? null : (refused) => file.write(refused),
        idleMs: options.untilIdle === undefined ? null : options.untilIdle * 1000,
        signal,
      });
      const progress = reportProgress(consumption, status, options.progress);
      try {
        const end = await consumption.run();
        if (end.kind !== 'refused') return;
        const { message, code, reason } = end.refused;
        throw new CommandError(
          `stopped at ${broker.name} ${message.position}: ${reason} (${code}). All before it is accepted and committed. Correct it at its source or in the mapping, or set refused messages aside with --refused-to`,
        );
      } catch (error) {
        if (error instanceof SourceFault) throw new CommandError(error.message);
        throw error;
      } finally {
        await progress.stop();
        const { lag: _, heldBytes: __, ...counts } = status.counts;
        if (options.json === true) printJson(counts);
        else print(progressLine({ ...counts, lag: null, heldBytes: null }));
      }
    });
    // G5: what was set aside is not a success.
    if (status.counts.refused > 0) process.exitCode = 1;
  } finally {
    server?.closeAllConnections();
    server?.close();
    file?.close();
  }
}

function openedFile(path: string) {
  try {
    return openRefusedFile(path);
  } catch (error) {
    throw new CommandError(`cannot write ${path}: ${(error as Error).message}`, 2);
  }
}

export const variable = (name: string): string | null => process.env[name] || null;

/** The options of every source: the mapping, and how the loop behaves. */
export function ingestOptions(command: Command, word: FieldWord, derived: string, type?: string): Command {
  const places = `${word}:NAME, key, subject, a JSON Pointer, or =TEXT`;
  const option = type === undefined ? 'requiredOption' : 'option';
  remoteOptions(command);
  command[option]('--type <location>', `where the event's type is: ${places}`, type);
  return command
    .option('--id <location>', `where the event's id is (default: derived from ${derived})`)
    .option('--tenant <location>', 'where the tenant is (default: the tenant of the key)')
    .option('--ordering-key <location>', 'where the ordering key is (default: none)')
    .option(
      '--occurred-at <location>',
      'where the time is, in RFC 3339 or ms; time takes that of the broker (default: none)',
    )
    .option('--id-prefix <text>', "put before every event's id (default: nothing)")
    .option('--batch <messages>', 'messages to read before they are published', integerBetween(1, 5000), 500)
    .option(
      '--refused-to <file>',
      'append messages that Posthorn refuses to this file and continue (default: stop at the first)',
    )
    .option(
      '--until-idle <seconds>',
      'end when nothing waits and nothing has arrived for so long (default: never)',
      numberBetween(0, 86_400),
    )
    .option('--status <[host:]port>', 'serve /healthz and /metrics here (default: nowhere)', listenAddress)
    .option('--progress <seconds>', 'time between progress lines', numberBetween(1, 86_400), 10);
}

export const exitCodes =
  '\nSIGTERM finishes the batch and commits it. Exit code: 0 every message was accepted, 1 a message was refused, or a failure, 2 wrong usage.\n';
