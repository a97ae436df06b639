import { Command, InvalidArgumentError } from 'commander';
import { ApiError, type Client, type ListedDelivery } from '@posthorn/client';
import { systemClock } from '../../runtime/clock.ts';
import { parseSecret } from '../../signing/standard-webhooks.ts';
import { forward, type Forwarded, type Forwarding } from '../listen/forward.ts';
import { Following } from '../listen/following.ts';
import { CommandError, note, print, printJson } from '../output.ts';
import { clientFrom, integerBetween, numberBetween, type RemoteOptions, remoteOptions } from '../remote.ts';
import { apiTime } from '../time-argument.ts';
import { valueList } from '../value-list.ts';

interface Options extends RemoteOptions {
  readonly json?: boolean;
  readonly forward: string;
  readonly tenant?: string;
  readonly type?: readonly string[];
  readonly secret?: string;
  readonly since?: string;
  readonly replay?: string;
  readonly count?: number;
  readonly forwardTimeout: number;
}

const everyMs = 1000;
/** Time between two attempts to reach a server that is away. */
const awayMs = 5000;

function targetUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new InvalidArgumentError('takes an http or https URL, such as http://localhost:3000/hook');
  return url.href;
}

function readSecret(options: Options): Uint8Array | null {
  const text = options.secret ?? process.env['POSTHORN_WEBHOOK_SECRET'];
  if (text === undefined || text === '') return null;
  try {
    return parseSecret(text);
  } catch (error) {
    throw new CommandError(`--secret (POSTHORN_WEBHOOK_SECRET): ${(error as Error).message}`, 2);
  }
}

/** Fetches the request of a delivery and sends a copy of it; reports the result. */
async function forwardOne(
  client: Client,
  delivery: Pick<ListedDelivery, 'id' | 'eventId' | 'eventType'>,
  to: Forwarding,
  isJson: boolean,
): Promise<Forwarded> {
  const request = await client.deliveries.request(delivery.id);
  if (request.payloads !== 'full')
    throw new CommandError(
      `this key sees payloads ${request.payloads === 'none' ? 'not at all' : request.payloads}: use a key that was created with --payloads full`,
    );
  const answer = await forward(request, to);
  if (isJson) {
    const { id, eventId, eventType } = delivery;
    printJson({ delivery_id: id, event_id: eventId, event_type: eventType, ...answer });
    return answer;
  }
  const time = new Date(to.clock.now()).toLocaleTimeString('en-GB');
  const outcome = answer.status === null ? `no response (${answer.message})` : `${answer.status}`;
  print(`${time}  ${delivery.id}  ${delivery.eventType}  ${outcome} in ${answer.ms} ms`);
  if (answer.status !== null && answer.message !== null && answer.message !== '') print(answer.message);
  return answer;
}

const isOk = ({ status }: Forwarded): boolean => status !== null && status >= 200 && status < 300;

async function replayOne(
  client: Client,
  endpointId: string,
  options: Options,
  to: Forwarding,
): Promise<void> {
  const asked = options.replay!;
  const found = asked.startsWith('dlv_')
    ? await client.deliveries.get(asked)
    : (await client.deliveries.list({ endpointId, eventId: asked, limit: 1 })).items[0];
  if (found === undefined) throw new CommandError(`no delivery of event ${asked} to this endpoint`);
  if (!isOk(await forwardOne(client, found, to, options.json === true))) process.exitCode = 1;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => systemClock.after(ms, resolve));

async function follow(client: Client, endpointId: string, options: Options, to: Forwarding): Promise<void> {
  const since = options.since === undefined ? systemClock.now() : Date.parse(options.since);
  const following = new Following(client, { endpointId, types: options.type }, since);
  let isAway = false;
  for (let left = options.count ?? Number.POSITIVE_INFINITY; left > 0;) {
    let deliveries: ListedDelivery[];
    try {
      deliveries = await following.next();
      if (isAway) note('The server is back.');
      isAway = false;
    } catch (error) {
      if (!(error instanceof ApiError) || (error.status !== 0 && error.status !== 429 && error.status < 500))
        throw error;
      if (!isAway) note(`${error.message}; retrying every ${awayMs / 1000} s.`);
      isAway = true;
      await pause(awayMs);
      continue;
    }
    for (const delivery of deliveries.slice(0, left))
      await forwardOne(client, delivery, to, options.json === true);
    left -= deliveries.length;
    if (left > 0) await pause(everyMs);
  }
}

export function listenCommand(): Command {
  return remoteOptions(new Command('listen'))
    .argument('<endpoint>', 'id (ep_…) or name of the endpoint')
    .requiredOption(
      '--forward <url>',
      'where to send a copy of each delivery: http://localhost:3000/hook',
      targetUrl,
    )
    .option('--tenant <tenant>', "tenant of the name (default: the key's, else default)")
    .option('--type <types>', 'only these event types', valueList)
    .option(
      '--secret <secret>',
      "the endpoint's signing secret, to sign copies with (POSTHORN_WEBHOOK_SECRET)",
    )
    .option('--since <time>', 'start with deliveries created at or after this time (default: now)', apiTime)
    .option('--replay <id>', 'send a copy of one past event (or delivery: dlv_…), then exit')
    .option('--count <n>', 'exit after this many copies', integerBetween(1, 1_000_000))
    .option('--forward-timeout <seconds>', 'timeout of each copy in seconds', numberBetween(0.1, 300), 30)
    .addHelpText(
      'after',
      '\nExamples:\n  posthorn listen orders --forward http://localhost:3000/hook --type "payment.*"\n  posthorn listen orders --forward http://localhost:3000/hook --replay evt_…',
    )
    .action(async (endpoint: string, options: Options) => {
      const to: Forwarding = {
        url: options.forward,
        secret: readSecret(options),
        timeoutMs: options.forwardTimeout * 1000,
        fetch,
        clock: systemClock,
      };
      const client = clientFrom(options);
      const { id } = await client.endpoints.get(endpoint, { tenant: options.tenant });
      if (to.secret === null)
        note('Copies are not signed: give the signing secret with --secret or POSTHORN_WEBHOOK_SECRET.');
      if (options.replay !== undefined) return await replayOne(client, id, options, to);
      note(
        `Sending copies of deliveries to ${id} to ${to.url}; the deliveries themselves are not affected. Ctrl-C stops.`,
      );
      await follow(client, id, options, to);
    });
}
