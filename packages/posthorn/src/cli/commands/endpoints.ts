import { Command, Option } from 'commander';
import type {
  Client,
  Endpoint,
  EndpointHealthDetails,
  EndpointRequest,
  EndpointsEnsureInput,
  ListedEndpoint,
} from '@posthorn/client';
import { percent } from '../../report/figures.ts';
import { printable } from '../../domain/printable.ts';
import { urlHost } from '../../domain/url-host.ts';
import { withShownUrls } from '../../report/shown-url.ts';
import { systemClock } from '../../runtime/clock.ts';
import { amountsText } from '../amounts.ts';
import { wireAnswer } from '../answers.ts';
import { type Column, columnOptions, type ColumnOptions, columnsTable, fromNow } from '../columns.ts';
import { documentFrom, documentOption } from '../document.ts';
import { addDefaultList, listed, listOptions, type Page } from '../listing.ts';
import { CommandError, fields, note, print, printExact, printJson, table } from '../output.ts';
import { clientFrom, integerBetween, numberBetween, type RemoteOptions, remoteOptions } from '../remote.ts';
import { choiceList, valueList } from '../value-list.ts';
import { watchOption, watched } from '../watch.ts';

type Options = RemoteOptions & { readonly json?: boolean; readonly tenant?: string };

const states = ['failing', 'slowed', 'paused', 'healthy', 'idle'] as const;
type State = (typeof states)[number];

const shownState = ({ enabled, health }: ListedEndpoint): string =>
  health?.state ?? (enabled ? '' : 'paused');

const columns: readonly Column<ListedEndpoint>[] = [
  { name: 'endpoint', value: ({ id }) => id },
  { name: 'name', value: ({ name }) => name ?? '', shortest: 8 },
  { name: 'host', value: ({ url }) => urlHost(url), shortest: 12 },
  { name: 'state', value: shownState },
  { name: 'owner', value: ({ owner }) => owner ?? '', shortest: 6 },
  { name: 'dead', value: ({ health }) => health?.dead ?? '' },
  { name: 'pending', value: ({ health }) => health?.pending ?? '' },
  { name: 'tenant', value: ({ tenant }) => tenant, wide: true },
  { name: 'event-types', value: ({ eventTypes }) => eventTypes.join(' '), wide: true },
  { name: 'template', value: ({ template }) => template ?? '', wide: true },
  { name: 'url', value: ({ url }) => withShownUrls(url), wide: true },
  { name: 'last-success', value: ({ lastSuccessAt }) => lastSuccessAt ?? '', wide: true },
  { name: 'created', value: ({ createdAt }) => createdAt, wide: true },
];

function listCommand(): Command {
  return columnOptions(listOptions(remoteOptions(new Command('list'))), columns)
    .description('List endpoints with their health, those that need attention first')
    .option('--tenant <tenants>', 'only these tenants, comma-separated', valueList)
    .option('--owner <teams>', 'only endpoints that these teams own', valueList)
    .option('--state <states>', `only these states: ${states.join(', ')}`, choiceList(states))
    .option('--search <text>', 'only endpoints with this text in id, name, URL, description or owner')
    .addOption(
      new Option('--sort <order>', 'sort order (default: need)').choices(['need', 'created', 'name']),
    )
    .addHelpText('after', '\nExample:\n  posthorn endpoints list --state failing,paused')
    .action(
      async (
        options: RemoteOptions &
          ColumnOptions &
          Partial<Page> & {
            readonly json?: boolean;
            readonly tenant?: readonly string[];
            readonly owner?: readonly string[];
            readonly state?: readonly State[];
            readonly search?: string;
            readonly sort?: 'need' | 'created' | 'name';
          },
      ) => {
        const { tenant, owner, state, search, sort = 'need' } = options;
        const client = clientFrom(options);
        const page = await listed(
          (part) =>
            client.endpoints.list({ ...part, tenant, owner, state, q: search, sort, include: 'health' }),
          options,
        );
        if (options.json === true) return printJson(wireAnswer('endpoints.list', page.answer));
        if (page.items.length > 0) print(columnsTable(columns, page.items, options));
        else if ([tenant, owner, state, search].every((filter) => filter === undefined))
          print('No endpoints. Create one with posthorn endpoints create https://…');
        else print('No matching endpoints.');
        page.noteMore();
      },
    );
}

/** A command for one endpoint, by its id, or by its name in a tenant. */
function one(name: string, description: string, example: string): Command {
  return remoteOptions(new Command(name))
    .description(description)
    .argument('<endpoint>', 'id (ep_…) or name of the endpoint')
    .option('--tenant <tenant>', 'tenant of the name (default: that of the key, else default)')
    .addHelpText('after', `\nExample:\n  posthorn endpoints ${name} ${example}`);
}

function printEndpoint(given: Endpoint | ListedEndpoint): void {
  const endpoint = printable(given);
  const rows: readonly (readonly [string, string])[] = [
    ['endpoint', endpoint.id],
    ['name', endpoint.name ?? ''],
    ['tenant', endpoint.tenant],
    ['url', withShownUrls(endpoint.url)],
    [
      'state',
      endpoint.enabled
        ? 'enabled'
        : `paused${endpoint.pausedReason === null ? '' : `: ${endpoint.pausedReason}`}`,
    ],
    ['event types', endpoint.eventTypes.join(' ')],
    ['routing keys', endpoint.routingKeys?.join(' ') ?? ''],
    ['owner', endpoint.owner ?? 'none'],
    ['template', endpoint.template ?? ''],
    ['description', endpoint.description ?? ''],
    ['timeout', `${endpoint.timeoutMs} ms`],
    ['deadline', `${endpoint.deliverWithinS} s`],
    [
      'in flight',
      `at most ${endpoint.maxInFlight}${endpoint.concurrency === 'adaptive' ? ', adapting to its answers' : ''}`,
    ],
    ['rate', endpoint.rateLimitPerS === null ? '' : `at most ${endpoint.rateLimitPerS} per second`],
    ['ordering', endpoint.ordering === 'none' ? '' : `${endpoint.ordering}, dead letters ${endpoint.onDead}`],
    ['filter', endpoint.filter === null ? '' : JSON.stringify(endpoint.filter)],
    ['last success', endpoint.lastSuccessAt ?? ''],
    ['last failure', endpoint.lastFailureAt ?? ''],
    ['created', endpoint.createdAt],
  ];
  print(fields(rows));
}

function getCommand(): Command {
  return one('get', 'Show an endpoint', 'orders').action(async (id: string, options: Options) => {
    const endpoint = await clientFrom(options).endpoints.get(id, { tenant: options.tenant });
    if (options.json === true) printJson(wireAnswer('endpoints.get', endpoint));
    else printEndpoint(endpoint);
  });
}

interface Given {
  readonly name?: string;
  readonly eventTypes?: readonly string[];
  readonly owner?: string;
  readonly template?: string;
  readonly description?: string;
  readonly maxInFlight?: number;
  readonly rateLimit?: number;
  readonly timeoutMs?: number;
  readonly file?: string;
}

function settingOptions(command: Command): Command {
  return documentOption(
    command
      .option('--event-types <types>', 'types, or wildcards such as payment.* (default: all)', valueList)
      .option('--owner <team>', 'the team that receives, and that is notified')
      .option('--template <template>', 'the delivery policy that it follows')
      .option('--description <text>', 'what it is for')
      .option('--max-in-flight <n>', 'maximum concurrent attempts', integerBetween(1, 1000))
      .option('--rate-limit <n>', 'maximum attempts per second', numberBetween(0.001, 100_000))
      .option('--timeout-ms <ms>', 'timeout of one attempt in milliseconds', integerBetween(1, 300_000)),
    'the other fields of the endpoint',
  );
}

/** The given options; omitted ones are left out, so that the document's own values apply. */
function settingsFrom({
  eventTypes,
  owner,
  template,
  description,
  maxInFlight,
  rateLimit,
  timeoutMs,
}: Given): object {
  const given = {
    eventTypes,
    owner,
    template,
    description,
    maxInFlight,
    rateLimitPerS: rateLimit,
    timeoutMs,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** Someone who subscribes to `payment` usually means every type of payments, and would get none of them. */
function notePlainTypes({ eventTypes = [] }: Given): void {
  for (const type of eventTypes.filter((one) => /^[\w-]+$/.test(one)))
    note(`${type} is the type ${type} alone; for ${type}.created and the like subscribe to ${type}.*`);
}

/** Only the secret goes to standard output, so that a script can capture it. */
function printSecret({ id, url }: Pick<Endpoint, 'id' | 'url'>, secret: string, what: string): void {
  note(printable(`${what} ${id} (${urlHost(url)}). Its signing secret, for the receiver:`));
  printExact(secret);
}

function createCommand(): Command {
  return settingOptions(remoteOptions(new Command('create')))
    .description('Create an endpoint and print its signing secret')
    .argument('<url>', "the receiver's http or https URL")
    .option('--tenant <tenant>', 'tenant of the endpoint (default: that of the key, else default)')
    .option('--name <name>', 'your own name for it, unique in its tenant')
    .addHelpText(
      'after',
      '\nExample:\n  posthorn endpoints create https://shop.example/hooks --event-types "payment.*" --owner shop',
    )
    .action(async (url: string, options: Options & Given) => {
      const document = documentFrom(options.file, 'endpoints.create');
      const { tenant, name } = options;
      const made = await clientFrom(options).endpoints.create({
        ...document,
        ...settingsFrom(options),
        ...(tenant === undefined ? {} : { tenant }),
        ...(name === undefined ? {} : { name }),
        url,
      } as EndpointRequest);
      notePlainTypes(options);
      if (options.json === true) printJson(wireAnswer('endpoints.create', made));
      else printSecret(made, made.secret, 'created');
    });
}

function ensureCommand(): Command {
  return settingOptions(remoteOptions(new Command('ensure')))
    .description('Create the endpoint of this name, or change it to what is given (safe to repeat)')
    .argument('<name>', 'your own name for it, unique in its tenant')
    .argument('<url>', "the receiver's http or https URL")
    .option('--tenant <tenant>', 'tenant of the endpoint (default: that of the key, else default)')
    .addHelpText(
      'after',
      '\nExample:\n  posthorn endpoints ensure orders https://shop.example/hooks --event-types "order.*,payment.*"',
    )
    .action(async (name: string, url: string, options: Options & Given) => {
      const document = documentFrom(options.file, 'endpoints.ensure');
      const ensured = await clientFrom(options).endpoints.ensure(name, {
        ...document,
        ...settingsFrom(options),
        tenant: options.tenant,
        url,
      } as EndpointsEnsureInput);
      notePlainTypes(options);
      if (options.json === true) printJson(wireAnswer('endpoints.ensure', ensured));
      else if (ensured.secret !== undefined) printSecret(ensured, ensured.secret, 'created');
      else print(`${ensured.id} (${urlHost(ensured.url)}) is configured as given`);
    });
}

function pauseCommand(): Command {
  return one(
    'pause',
    'Pause an endpoint: deliveries of new events are suppressed until it is resumed',
    'orders --reason migration',
  )
    .option('--reason <text>', 'why it is paused')
    .action(async (id: string, options: Options & { readonly reason?: string }) => {
      const { tenant, reason } = options;
      const endpoint = await clientFrom(options).endpoints.pause(id, { tenant, reason });
      if (options.json === true) printJson(wireAnswer('endpoints.pause', endpoint));
      else print(`paused ${endpoint.id} (${urlHost(endpoint.url)})`);
    });
}

function resumeCommand(): Command {
  return one(
    'resume',
    'Resume an endpoint; suppressed deliveries stay suppressed until they are redriven',
    'orders',
  ).action(async (id: string, options: Options) => {
    const endpoint = await clientFrom(options).endpoints.resume(id, { tenant: options.tenant });
    if (options.json === true) return printJson(wireAnswer('endpoints.resume', endpoint));
    print(`resumed ${endpoint.id} (${urlHost(endpoint.url)})`);
    note(`Suppressed deliveries: posthorn redrive --state suppressed --endpoint-id ${endpoint.id} --dry-run`);
  });
}

function testCommand(): Command {
  return one(
    'test',
    'Send a test event and show its first attempt (exit code 1 if it was not delivered)',
    'orders',
  )
    .option('--wait <seconds>', 'seconds to wait for the attempt', numberBetween(0, 30))
    .action(async (id: string, options: Options & { readonly wait?: number }) => {
      const { tenant, wait } = options;
      const tested = await clientFrom(options).endpoints.test(id, { tenant, waitS: wait });
      const { attempt } = tested;
      if (attempt?.outcome !== 'delivered') process.exitCode = 1;
      if (options.json === true) return printJson(wireAnswer('endpoints.test', tested));
      if (attempt === null)
        return print(
          `${tested.deliveryId}: no attempt yet, the delivery continues: posthorn deliveries ${tested.deliveryId}`,
        );
      const answer = attempt.statusCode === null ? 'no response' : `status ${attempt.statusCode}`;
      const failure = attempt.errorClass === null ? '' : `, ${attempt.errorClass}`;
      print(`${tested.deliveryId}: ${attempt.outcome} in ${attempt.durationMs} ms (${answer}${failure})`);
      if (attempt.message !== null) print(attempt.message);
    });
}

function rotateCommand(): Command {
  return one('rotate-secret', 'Generate a new signing secret and print it', 'orders --grace 86400')
    .option(
      '--grace <seconds>',
      'seconds that the previous secret keeps signing too',
      integerBetween(0, 30 * 86_400),
    )
    .action(async (id: string, options: Options & { readonly grace?: number }) => {
      const { tenant, grace } = options;
      const rotated = await clientFrom(options).endpoints.rotateSecret(id, { tenant, graceS: grace });
      if (options.json === true) printJson(wireAnswer('endpoints.rotateSecret', rotated));
      else if (rotated.secret === undefined)
        print(`rotated ${rotated.id}: this key may not see the new secret; the owner of the endpoint can`);
      else printSecret(rotated, rotated.secret, 'rotated');
    });
}

function deleteCommand(): Command {
  return one('delete', 'Delete an endpoint and cancel its pending deliveries', 'orders --yes')
    .option('--yes', 'delete it; without this option, only show what would be deleted')
    .action(async (id: string, options: Options & { readonly yes?: boolean }) => {
      const client = clientFrom(options);
      const { tenant } = options;
      const endpoint = await client.endpoints.get(id, { tenant });
      if (options.yes !== true)
        throw new CommandError(
          printable(`would delete ${endpoint.id} (${urlHost(endpoint.url)}): confirm with --yes`),
          2,
        );
      await client.endpoints.delete(endpoint.id);
      if (options.json === true) printJson({ deleted: endpoint.id });
      else print(`deleted ${endpoint.id} (${urlHost(endpoint.url)})`);
    });
}

function printHealth(given: EndpointHealthDetails): void {
  const { diagnosis, health, waiting, failures } = printable(given);
  print(diagnosis.sentence);
  if (diagnosis.nextStep !== null) print(diagnosis.nextStep);
  print();
  const now = systemClock.now();
  const worth = amountsText(health.worth);
  const inTime =
    health.inTime.share === null
      ? 'nothing was due'
      : `${percent(health.inTime.share)} (${health.inTime.good.toLocaleString('en-US')} of ${health.inTime.due.toLocaleString('en-US')})`;
  const rows: readonly (readonly [string, string])[] = [
    ['state', health.state],
    ['in time', inTime],
    [
      'waiting',
      `${waiting.count.toLocaleString('en-US')}, ${waiting.underWay.toLocaleString('en-US')} in progress`,
    ],
    ['next attempt', fromNow(waiting.nextAttemptAt, now)],
    ['nothing is lost', waiting.nothingLostUntil === null ? '' : `until ${waiting.nothingLostUntil}`],
    ['dead letters', `${health.dead.toLocaleString('en-US')}${worth === '' ? '' : `, worth ${worth}`}`],
    ['last success', fromNow(health.lastSuccessAt, now)],
    ['last failure', fromNow(health.lastFailureAt, now)],
  ];
  print(fields(rows));
  if (failures.byClass.length === 0) return;
  print();
  print(
    table(
      ['failure', 'attempts'],
      failures.byClass.map((failure) => [failure.class, failure.count]),
    ),
  );
}

function healthCommand(): Command {
  return watchOption(one('health', 'Show the health of an endpoint, why, and what to do', 'orders')).action(
    async (id: string, options: Options & { readonly watch?: number }) => {
      const client: Client = clientFrom(options);
      await watched(options.watch, async () => {
        const health = await client.endpoints.health(id, { tenant: options.tenant });
        if (options.json === true) printJson(wireAnswer('endpoints.health', health));
        else printHealth(health);
      });
    },
  );
}

export function endpointsCommand(): Command {
  const group = new Command('endpoints').addHelpText(
    'after',
    '\nExamples:\n  posthorn endpoints list --json\n  posthorn endpoints health orders --watch',
  );
  return addDefaultList(group, listCommand())
    .addCommand(getCommand())
    .addCommand(createCommand())
    .addCommand(ensureCommand())
    .addCommand(healthCommand())
    .addCommand(testCommand())
    .addCommand(pauseCommand())
    .addCommand(resumeCommand())
    .addCommand(rotateCommand())
    .addCommand(deleteCommand());
}
