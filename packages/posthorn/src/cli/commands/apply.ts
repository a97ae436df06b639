import { Command } from 'commander';
import { z } from 'zod';
import { ApiError, type Client, type ListAnswer, type OperationId, type PageRequest } from '@posthorn/client';
import { hasFingerprint } from '../../service/fingerprint.ts';
import { channelDocument } from '../../contract/channels.ts';
import { eventTypeDocument } from '../../contract/event-types.ts';
import { documentName, eventType, ownTenant } from '../../contract/fields.ts';
import { sloDocument } from '../../contract/slos.ts';
import { teamDocument } from '../../contract/teams.ts';
import { templateDocument } from '../../contract/templates.ts';
import { tenantDocument } from '../../contract/tenants.ts';
import { isAnswerOf } from '../answers.ts';
import { type Change, fieldText } from '../apply/changes.ts';
import {
  applyEndpoint,
  endpointChanges,
  endpointDocuments,
  undeclaredEndpoints,
} from '../apply/endpoints.ts';
import { everyItem, type Page } from '../listing.ts';
import { CommandError, print, printJson } from '../output.ts';
import { clientFrom, remoteOptions } from '../remote.ts';
import { readYaml } from '../yaml-file.ts';

// In the order of their dependencies: a team names its channels, an event type its team and its template. Endpoints, which
// name teams and templates, come after all of these.
const kinds = ['tenants', 'channels', 'teams', 'templates', 'event_types', 'slos'] as const;
type Kind = (typeof kinds)[number];

const file = z.strictObject({
  tenants: z.record(ownTenant, tenantDocument).optional(),
  channels: z.record(documentName, channelDocument).default({}),
  teams: z.record(documentName, teamDocument).default({}),
  templates: z.record(documentName, templateDocument).default({}),
  event_types: z.record(eventType, eventTypeDocument).default({}),
  slos: z.record(documentName, sloDocument).default({}),
  endpoints: endpointDocuments.optional(),
});
type File = z.output<typeof file>;

interface Declared {
  readonly name: string;
  readonly fingerprint?: string;
  readonly builtIn?: boolean;
}

/** What the operations of every kind have in common. */
interface Declarations {
  list(page: Page): PageRequest<ListAnswer<Declared>>;
  delete(name: string): Promise<void>;
}
const declarationsOf = (client: Client): Readonly<Record<Kind, Declarations>> => ({
  tenants: client.tenants,
  channels: client.channels,
  teams: client.teams,
  templates: client.templates,
  event_types: client.eventTypes,
  slos: client.slos,
});
const putOf = {
  tenants: 'tenants.put',
  channels: 'channels.put',
  teams: 'teams.put',
  templates: 'templates.put',
  event_types: 'eventTypes.put',
  slos: 'slos.put',
} as const satisfies Record<Kind, OperationId>;

/** Reads what a file declares, or throws an error that names each fault by its line. */
function readDeclared(path: string, prune: boolean): File {
  const yaml = readYaml(path);
  // A truncated file, or a template that printed nothing, does not mean that everything should be deleted.
  if (prune && yaml.value === null)
    throw new CommandError(
      `${path} is empty, and --prune would delete everything; write {} if you mean that`,
      2,
    );
  const { success, data, error } = file.safeParse(yaml.value ?? {});
  if (success) return data;
  throw new CommandError(yaml.faults(error.issues).join('\n'), 2);
}

type AnyChange = Change<Kind | 'endpoints'>;

/** Makes one change and returns the secret of a new endpoint; an error says which change failed, and how many were made before. */
async function applyOne(
  client: Client,
  change: AnyChange,
  done: number,
  total: number,
): Promise<string | undefined> {
  const { kind, name, action, document } = change;
  try {
    if (kind === 'endpoints') return await applyEndpoint(client, change);
    if (action === 'delete') {
      await declarationsOf(client)[kind].delete(name);
      return undefined;
    }
    // A document in the file has the wire format and is sent unchanged.
    const path = `/v1/${kind.replace('_', '-')}/${encodeURIComponent(name)}`;
    const answer = await client.request('PUT', path, document);
    if (!isAnswerOf(putOf[kind], answer) || (answer as Declared).name !== name)
      throw new ApiError(200, 'garbled', `the answer to PUT ${path} is not from Posthorn; check the URL`);
    return undefined;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw new CommandError(
      `${kind}/${name}: ${error.message}; ${done} of ${total} changes were made before: correct this one, then apply again`,
    );
  }
}

/** What the documents of the file would change, except endpoints. */
async function documentChanges(client: Client, declared: File, prune: boolean): Promise<Change<Kind>[]> {
  const changes: Change<Kind>[] = [];
  for (const kind of kinds) {
    const items = await everyItem((page) => declarationsOf(client)[kind].list(page));
    // A built-in template exists without a declaration.
    const there = new Map(
      items.filter((item) => item.builtIn !== true).map((item) => [item.name, item.fingerprint]),
    );
    for (const [name, document] of Object.entries(declared[kind] ?? {})) {
      const before = there.get(name);
      const action =
        before === undefined ? 'create' : (await hasFingerprint(document, before)) ? 'keep' : 'change';
      changes.push({ kind, name, action, document });
      there.delete(name);
    }
    // Applications declare tenants too: a file without tenants deletes none.
    if (prune && declared[kind] !== undefined)
      for (const name of there.keys()) changes.push({ kind, name, action: 'delete', document: null });
  }
  return changes;
}

const isReal = ({ action }: AnyChange): boolean => action !== 'keep';
const created = (changes: readonly AnyChange[], kind: Kind): ReadonlySet<string> =>
  new Set(changes.filter((one) => one.kind === kind && one.action === 'create').map(({ name }) => name));
const nothingComing = { teams: new Set<string>(), templates: new Set<string>() };

interface Applied {
  readonly changes: readonly AnyChange[];
  /** Secrets of new endpoints, by their names in the file: no other answer shows them. */
  readonly secrets: ReadonlyMap<string, string>;
}

/** Prints what would change and, unless it is a dry run, changes it: documents first, because endpoints may name them. */
async function applyFile(
  client: Client,
  declared: File,
  { isDryRun, prune }: { readonly isDryRun: boolean; readonly prune: boolean },
): Promise<Applied> {
  const documents = await documentChanges(client, declared, prune);
  const coming = { teams: created(documents, 'teams'), templates: created(documents, 'templates') };
  const secrets = new Map<string, string>();
  // Before anything is changed, so that a refused endpoint leaves everything as it is.
  const planned = await endpointChanges(client, declared.endpoints ?? {}, coming);
  if (isDryRun) return { changes: [...documents, ...planned], secrets };
  const real = documents.filter(isReal);
  const total = real.length + planned.filter(isReal).length;
  let done = 0;
  const run = async (change: AnyChange): Promise<void> => {
    const secret = await applyOne(client, change, done++, total);
    if (secret !== undefined) secrets.set(change.name, secret);
  };
  for (const change of real.filter(({ action }) => action !== 'delete')) await run(change);
  // By now a template that an event type names may be one that an endpoint follows.
  const endpoints = await endpointChanges(client, declared.endpoints ?? {}, nothingComing);
  for (const change of endpoints.filter(isReal)) await run(change);
  // A channel that a team still uses cannot be deleted, so teams go first.
  for (const change of real.filter(({ action }) => action === 'delete').toReversed()) await run(change);
  return { changes: [...documents, ...endpoints], secrets };
}

function printApplied({ changes, secrets }: Applied, left: readonly string[], isDryRun: boolean): void {
  const signs = { create: '+', change: '~', delete: '-', keep: ' ' } as const;
  const real = changes.filter(isReal);
  for (const { kind, name, action, fields = [] } of real) {
    print(`${signs[action]} ${kind}/${name}`);
    for (const field of fields) print(`    ${fieldText(field)}`);
    const secret = secrets.get(name);
    if (kind === 'endpoints' && secret !== undefined) print(`    secret ${secret} (shown only once)`);
  }
  const kept = changes.length - real.length;
  print(
    real.length === 0
      ? `Nothing to change (${kept} as declared).`
      : `${real.length} ${isDryRun ? 'would change' : 'changed'}, ${kept} as declared.`,
  );
  if (left.length > 0)
    print(
      `${left.length} ${left.length === 1 ? 'endpoint is' : 'endpoints are'} not in the file and ${left.length === 1 ? 'does not change' : 'do not change'}: ${left.slice(0, maxNamed).join(', ')}${left.length > maxNamed ? ', …' : ''}`,
    );
}

const maxNamed = 10;

export function applyCommand(): Command {
  return remoteOptions(new Command('apply'))
    .requiredOption('-f, --file <posthorn.yaml>', 'the file; - reads standard input')
    .option('--dry-run', 'show what would change, change nothing (exit code 1 if something would)')
    .option(
      '--prune',
      'also delete what the file does not name; tenants only if the file declares any, endpoints never',
    )
    .addHelpText(
      'after',
      '\nExample of a file:\n  tenants:\n    kestrel: { limits: { endpoints: 20, events_per_s: 100 } }\n  channels:\n    ops: { kind: slack, url: https://hooks.slack.com/services/… }\n  teams:\n    payments: { channels: [ops] }\n    shop: {}\n  event_types:\n    payment.succeeded:\n      owner: payments\n      template: payments-critical\n      value: { amount: /object/amount, currency: /object/currency }\n  slos:\n    payments: { target: 0.999, event_types: [payment.*], producer: payments, consumer: shop }\n  endpoints:\n    orders: { url: https://orders.example/hooks, event_types: [payment.*], owner: shop }\n\nExample:\n  posthorn apply -f posthorn.yaml --dry-run',
    )
    .action(
      async (options: {
        file: string;
        dryRun?: boolean;
        prune?: boolean;
        json?: boolean;
        url?: string;
        apiKey?: string;
      }) => {
        const declared = readDeclared(options.file, options.prune === true);
        const client = clientFrom(options);
        const isDryRun = options.dryRun === true;
        const applied = await applyFile(client, declared, { isDryRun, prune: options.prune === true });
        const { changes, secrets } = applied;
        const left =
          declared.endpoints === undefined ? [] : await undeclaredEndpoints(client, declared.endpoints);
        if (options.json === true)
          printJson({
            dry_run: isDryRun,
            changes: changes.map(({ kind, name, action, fields }) => ({
              kind,
              name,
              action,
              ...(fields === undefined || fields.length === 0 ? {} : { fields }),
              ...(kind === 'endpoints' && secrets.has(name) ? { secret: secrets.get(name) } : {}),
            })),
            ...(declared.endpoints === undefined ? {} : { left }),
          });
        else printApplied(applied, left, isDryRun);
        if (isDryRun && changes.some(isReal)) process.exitCode = 1;
      },
    );
}
