import { Command } from 'commander';
import type { AuditEntry, Client } from '@posthorn/client';
import { wireAnswer } from '../answers.ts';
import { addDefaultList, everyPage, listed, listOptions } from '../listing.ts';
import { print, printJson, printStreamed, table } from '../output.ts';
import { apiTime } from '../time-argument.ts';
import { clientFrom, type RemoteOptions, remoteOptions } from '../remote.ts';

type Filter = Omit<NonNullable<Parameters<Client['auditLog']['list']>[0]>, 'limit' | 'cursor' | 'order'>;
type Options = RemoteOptions & Filter & { readonly json?: boolean };

const filters = ['tenant', 'actor', 'action', 'targetKind', 'target', 'since', 'until'] as const;

function filterOptions(command: Command): Command {
  return command
    .option('--tenant <tenant>', 'only of this tenant')
    .option('--actor <id>', 'only by this actor: the id of a key or session, library, posthorn')
    .option('--action <operation>', 'only of this operation, such as endpoints.update')
    .option('--target-kind <kind>', 'only about this kind of target, such as endpoint or key')
    .option('--target <id>', 'only about this target, by its id or name')
    .option('--since <time>', 'at or after this time, such as yesterday or 2026-01-31T14:00Z', apiTime)
    .option('--until <time>', 'before this time', apiTime);
}

function filterFrom(options: Options): Filter {
  return Object.fromEntries(
    filters.filter((field) => options[field] !== undefined).map((field) => [field, options[field]]),
  );
}

function row({ sequence, at, actor, action, target, tenant, from }: AuditEntry): readonly string[] {
  return [
    String(sequence),
    at,
    `${actor.kind} ${actor.name === actor.id ? actor.id : `${actor.id} (${actor.name})`}`,
    action,
    `${target.kind} ${target.id}`,
    tenant ?? '',
    from ?? '',
  ];
}

function listCommand(): Command {
  return listOptions(filterOptions(remoteOptions(new Command('list'))))
    .description('List who changed what, newest first')
    .addHelpText('after', '\nExample:\n  posthorn audit-log list --target-kind endpoint --since 2026-11-01')
    .action(async (options: Options & { readonly limit?: number; readonly cursor?: string }) => {
      const client = clientFrom(options);
      const filter = filterFrom(options);
      const page = await listed((part) => client.auditLog.list({ ...filter, ...part }), options);
      if (options.json === true) return printJson(wireAnswer('auditLog.list', page.answer));
      if (page.items.length === 0) print('No matching entries in the audit log.');
      else print(table(['entry', 'at', 'who', 'what', 'target', 'tenant', 'from'], page.items.map(row)));
      page.noteMore();
    });
}

function exportCommand(): Command {
  return filterOptions(remoteOptions(new Command('export')))
    .description('Write all entries as JSON lines with their hashes, oldest first')
    .addHelpText('after', '\nExample:\n  posthorn audit-log export > audit-log.jsonl')
    .action(async (options: Options) => {
      const client = clientFrom(options);
      const filter = filterFrom(options);
      const pages = everyPage((part) => client.auditLog.list({ ...filter, ...part, order: 'asc' }));
      for await (const answer of pages) {
        const { items } = wireAnswer('auditLog.list', answer) as { readonly items: readonly unknown[] };
        for (const item of items) if (!(await printStreamed(JSON.stringify(item)))) return;
      }
    });
}

export function auditLogCommand(): Command {
  const group = new Command('audit-log').addHelpText(
    'after',
    '\nExamples:\n  posthorn audit-log list --json\n  posthorn audit-log export > audit-log.jsonl',
  );
  return addDefaultList(group, listCommand()).addCommand(exportCommand());
}
