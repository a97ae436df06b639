import { Command } from 'commander';
import type { Client, EventType, ListAnswer, PageRequest, Team, Template } from '@posthorn/client';
import type { OperationId } from '@posthorn/client/operations';
import { printable } from '../../domain/printable.ts';
import { wireAnswer } from '../answers.ts';
import { type Column, columnOptions, type ColumnOptions, columnsTable } from '../columns.ts';
import { documentFrom } from '../document.ts';
import { addDefaultList, listed, listOptions, type Page } from '../listing.ts';
import { CommandError, print, printData, printJson } from '../output.ts';
import { clientFrom, type RemoteOptions, remoteOptions } from '../remote.ts';

// Teams, templates and event types are named documents: one set of commands for all three.

type Options = RemoteOptions & { readonly json?: boolean };

interface Named {
  readonly name: string;
}

/** What the client calls them. */
type Resource = 'teams' | 'templates' | 'eventTypes' | 'channels';

interface Declared<Item extends Named> {
  /** Name of the group of commands. */
  readonly command: string;
  readonly resource: Resource;
  /** One of them. */
  readonly what: string;
  readonly example: string;
  readonly get: (client: Client, name: string) => Promise<Item>;
  readonly put: (client: Client, name: string, document: Record<string, unknown>) => Promise<Item>;
  readonly delete: (client: Client, name: string) => Promise<unknown>;
}

interface Kind<Item extends Named> extends Declared<Item> {
  readonly columns: readonly Column<Item>[];
  readonly list: (client: Client, page: Page) => PageRequest<ListAnswer<Item>>;
}

function listCommand<Item extends Named>(kind: Kind<Item>): Command {
  return columnOptions(listOptions(remoteOptions(new Command('list'))), kind.columns)
    .description(`List ${kind.command.replace('-', ' ')}, by name`)
    .addHelpText('after', `\nExample:\n  posthorn ${kind.command} list`)
    .action(async (options: Options & ColumnOptions & Partial<Page>) => {
      const client = clientFrom(options);
      const page = await listed((part) => kind.list(client, part), options);
      if (options.json === true) return printJson(wireAnswer(operation(kind, 'list'), page.answer));
      if (page.items.length === 0)
        print(
          `No ${kind.command.replace('-', ' ')}. Declare one in posthorn.yaml, or with posthorn ${kind.command} put.`,
        );
      else print(columnsTable(kind.columns, page.items, options));
      page.noteMore();
    });
}

const operation = <Item extends Named>(kind: Declared<Item>, call: 'list' | 'get' | 'put'): OperationId =>
  `${kind.resource}.${call}`;

function getCommand<Item extends Named>(kind: Declared<Item>): Command {
  return remoteOptions(new Command('get'))
    .description(`Show ${kind.what}`)
    .argument('<name>', 'its name')
    .addHelpText('after', `\nExample:\n  posthorn ${kind.command} get ${kind.example}`)
    .action(async (name: string, options: Options) => {
      const item = await kind.get(clientFrom(options), name);
      const wire = wireAnswer(operation(kind, 'get'), item);
      if (options.json === true) printJson(wire);
      else printData(JSON.stringify(printable(wire), null, 2));
    });
}

function putCommand<Item extends Named>(kind: Declared<Item>): Command {
  return remoteOptions(new Command('put'))
    .description(`Declare ${kind.what}, or replace it`)
    .argument('<name>', 'its name')
    .requiredOption('--file <path>', 'file with the document, in JSON or YAML; - reads standard input')
    .addHelpText(
      'after',
      `\nExample:\n  posthorn ${kind.command} put ${kind.example} --file ${kind.example}.yaml`,
    )
    .action(async (name: string, options: Options & { readonly file: string }) => {
      const document = documentFrom(options.file, operation(kind, 'put'));
      const item = await kind.put(clientFrom(options), name, document);
      if (options.json === true) printJson(wireAnswer(operation(kind, 'put'), item));
      else print(`${item.name} is declared as given`);
    });
}

function deleteCommand<Item extends Named>(kind: Declared<Item>): Command {
  return remoteOptions(new Command('delete'))
    .description(`Delete the declaration of ${kind.what}`)
    .argument('<name>', 'its name')
    .option('--yes', 'delete it; without this option nothing changes')
    .addHelpText('after', `\nExample:\n  posthorn ${kind.command} delete ${kind.example} --yes`)
    .action(async (name: string, options: Options & { readonly yes?: boolean }) => {
      const client = clientFrom(options);
      if (options.yes !== true) {
        await kind.get(client, name);
        throw new CommandError(`would delete ${name}: confirm with --yes`, 2);
      }
      await kind.delete(client, name);
      if (options.json === true) printJson({ deleted: name });
      else print(`deleted ${name}`);
    });
}

function documentsCommand<Item extends Named>(kind: Kind<Item>): Command {
  const group = new Command(kind.command).addHelpText(
    'after',
    `\nExamples:\n  posthorn ${kind.command} list --json\n  posthorn ${kind.command} get ${kind.example}`,
  );
  return addDocumentCommands(addDefaultList(group, listCommand(kind)), kind);
}

/** Adds the commands about one of them, by its name. */
export function addDocumentCommands<Item extends Named>(group: Command, kind: Declared<Item>): Command {
  return group.addCommand(getCommand(kind)).addCommand(putCommand(kind)).addCommand(deleteCommand(kind));
}

export const teamsCommand = (): Command =>
  documentsCommand<Team>({
    command: 'teams',
    resource: 'teams',
    what: 'a team',
    example: 'payments',
    columns: [
      { name: 'team', value: ({ name }) => name },
      { name: 'channels', value: ({ channels }) => channels.join(' ') },
      { name: 'description', value: ({ description }) => description, shortest: 10 },
    ],
    list: (client, page) => client.teams.list(page),
    get: (client, name) => client.teams.get(name),
    put: (client, name, document) => client.teams.put(name, document),
    delete: (client, name) => client.teams.delete(name),
  });

export const templatesCommand = (): Command =>
  documentsCommand<Template>({
    command: 'templates',
    resource: 'templates',
    what: 'a template',
    example: 'payments-critical',
    columns: [
      { name: 'template', value: ({ name }) => name },
      { name: 'version', value: ({ version }) => version },
      { name: 'timeout-ms', value: ({ timeoutMs }) => timeoutMs },
      { name: 'deadline-s', value: ({ deliverWithinS }) => deliverWithinS },
      { name: 'target', value: ({ slo }) => (slo === null ? '' : `${slo.target}`) },
      { name: 'built-in', value: ({ builtIn }) => (builtIn ? 'yes' : ''), wide: true },
      { name: 'description', value: ({ description }) => description, shortest: 10 },
    ],
    list: (client, page) => client.templates.list(page),
    get: (client, name) => client.templates.get(name),
    put: (client, name, document) => client.templates.put(name, document),
    delete: (client, name) => client.templates.delete(name),
  });

export const eventTypesCommand = (): Command =>
  documentsCommand<EventType>({
    command: 'event-types',
    resource: 'eventTypes',
    what: 'an event type',
    example: 'payment.succeeded',
    columns: [
      { name: 'type', value: ({ name }) => name },
      { name: 'owner', value: ({ owner }) => owner ?? '' },
      { name: 'template', value: ({ template }) => template ?? '' },
      { name: 'schema', value: ({ schema }) => (schema === undefined ? '' : 'yes') },
      { name: 'description', value: ({ description }) => description, shortest: 10 },
    ],
    list: (client, page) => client.eventTypes.list(page),
    get: (client, name) => client.eventTypes.get(name),
    put: (client, name, document) => client.eventTypes.put(name, document),
    delete: (client, name) => client.eventTypes.delete(name),
  });
