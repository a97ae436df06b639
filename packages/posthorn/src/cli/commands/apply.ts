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
import { everyItem, type Page } from '../listing.ts';
import { CommandError, print, printJson } from '../output.ts';
import { clientOf, remoteOptions } from '../remote.ts';
import { readYaml } from '../yaml-file.ts';

// In the order of their dependencies: a team names its channels, an event type its team and its template.
const kinds = ['tenants', 'channels', 'teams', 'templates', 'event_types', 'slos'] as const;
type Kind = (typeof kinds)[number];

const file = z.strictObject({
  tenants: z.record(ownTenant, tenantDocument).optional(),
  channels: z.record(documentName, channelDocument).default({}),
  teams: z.record(documentName, teamDocument).default({}),
  templates: z.record(documentName, templateDocument).default({}),
  event_types: z.record(eventType, eventTypeDocument).default({}),
  slos: z.record(documentName, sloDocument).default({}),
});

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

interface Change {
  readonly kind: Kind;
  readonly name: string;
  readonly action: 'create' | 'change' | 'delete' | 'keep';
  readonly document: unknown;
}

/** Reads what a file declares, or throws an error that names each fault by its line. */
function readDeclared(path: string, prune: boolean): z.output<typeof file> {
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

/** Makes one change; an error says which change failed, and how many were made before. */
async function applyOne(
  client: Client,
  { kind, name, action, document }: Change,
  done: number,
  total: number,
): Promise<void> {
  try {
    if (action === 'delete') return await declarationsOf(client)[kind].delete(name);
    // A document in the file has the wire format and is sent unchanged.
    const path = `/v1/${kind.replace('_', '-')}/${encodeURIComponent(name)}`;
    const answer = await client.request('PUT', path, document);
    if (!isAnswerOf(putOf[kind], answer) || (answer as Declared).name !== name)
      throw new ApiError(200, 'garbled', `the answer to PUT ${path} is not from Posthorn; check the URL`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw new CommandError(
      `${kind}/${name}: ${error.message}; ${done} of ${total} changes were made before: correct this one, then apply again`,
    );
  }
}

export function applyCommand(): Command {
  return remoteOptions(new Command('apply'))
    .requiredOption('-f, --file <posthorn.yaml>', 'the file; - reads standard input')
    .option('--dry-run', 'show what would change, change nothing (exit code 1 if something would)')
    .option('--prune', 'also delete what the file does not name; tenants only if the file declares any')
    .addHelpText(
      'after',
      '\nExample of a file:\n  tenants:\n    kestrel: { limits: { endpoints: 20, events_per_s: 100 } }\n  channels:\n    ops: { kind: slack, url: https://hooks.slack.com/services/… }\n  teams:\n    payments: { channels: [ops] }\n    shop: {}\n  event_types:\n    payment.succeeded:\n      owner: payments\n      template: payments-critical\n      value: { amount: /object/amount, currency: /object/currency }\n  slos:\n    payments: { target: 0.999, event_types: [payment.*], producer: payments, consumer: shop }\n\nExample:\n  posthorn apply -f posthorn.yaml --dry-run',
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
        const client = clientOf(options);
        const changes: Change[] = [];
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
          if (options.prune === true && declared[kind] !== undefined)
            for (const name of there.keys()) changes.push({ kind, name, action: 'delete', document: null });
        }
        const real = changes.filter(({ action }) => action !== 'keep');
        if (options.dryRun !== true) {
          // A channel that a team still uses cannot be deleted, so teams go first.
          const steps = [
            ...real.filter(({ action }) => action !== 'delete'),
            ...real.filter(({ action }) => action === 'delete').toReversed(),
          ];
          for (const [done, change] of steps.entries()) await applyOne(client, change, done, steps.length);
        }
        if (options.json === true)
          printJson({
            dry_run: options.dryRun === true,
            changes: changes.map(({ kind, name, action }) => ({ kind, name, action })),
          });
        else {
          const signs = { create: '+', change: '~', delete: '-', keep: ' ' } as const;
          for (const { kind, name, action } of real) print(`${signs[action]} ${kind}/${name}`);
          const kept = changes.length - real.length;
          print(
            real.length === 0
              ? `Nothing to change (${kept} as declared).`
              : `${real.length} ${options.dryRun === true ? 'would change' : 'changed'}, ${kept} as declared.`,
          );
        }
        if (options.dryRun === true && real.length > 0) process.exitCode = 1;
      },
    );
}
