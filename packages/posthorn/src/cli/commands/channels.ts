import { Command } from 'commander';
import type { Channel, ChannelDocument } from '@posthorn/client';
import { wireAnswer } from '../answers.ts';
import { addDefaultList, everyItem } from '../listing.ts';
import { print, printJson, table } from '../output.ts';
import { clientFrom, type RemoteOptions, remoteOptions } from '../remote.ts';
import { printable } from '../../domain/printable.ts';
import { addDocumentCommands } from './documents.ts';

type Options = RemoteOptions & { readonly json?: boolean };

function listCommand(): Command {
  return remoteOptions(new Command('list'))
    .description('List channels, by name')
    .addHelpText('after', '\nExample:\n  posthorn channels list')
    .action(async (options: Options) => {
      const client = clientFrom(options);
      const items = await everyItem((page) => client.channels.list(page));
      if (options.json === true) return printJson(wireAnswer('channels.list', { items }));
      if (items.length === 0)
        return print(
          'No channels are declared. Declare one in posthorn.yaml, or with posthorn channels put.',
        );
      print(
        table(
          ['channel', 'kind', 'host', 'to'],
          printable(items).map(({ name, kind, host = '', to = [] }) => [name, kind, host, to.join(', ')]),
        ),
      );
    });
}

function testCommand(): Command {
  return remoteOptions(new Command('test'))
    .description(
      "Send one test notification and show the channel's answer (exit code 1 if it was not accepted)",
    )
    .argument('<name>', 'name of the channel')
    .addHelpText('after', '\nExample:\n  posthorn channels test ops')
    .action(async (name: string, options: Options) => {
      const result = await clientFrom(options).channels.test(name);
      if (result.result !== 'delivered') process.exitCode = 1;
      if (options.json === true) return printJson(wireAnswer('channels.test', result));
      const { kind, durationMs, statusCode, errorClass, message, responseExcerpt } = printable(result);
      const answer = [
        statusCode === null ? null : `status ${statusCode}`,
        errorClass,
        message,
        responseExcerpt === null || responseExcerpt === '' ? null : JSON.stringify(responseExcerpt),
      ].filter((part) => part !== null);
      print(
        result.result === 'delivered'
          ? `${name} (${kind}) accepted the test after ${durationMs} ms: ${answer.join(', ')}`
          : result.result === 'failed'
            ? `${name} (${kind}) did not accept the test: ${answer.join(', ')}`
            : `${name} (${kind}) did not answer in time`,
      );
      print(`delivery ${result.deliveryId}`);
    });
}

export function channelsCommand(): Command {
  const command = new Command('channels').addHelpText(
    'after',
    '\nEvery command takes --json.\n\nExample:\n  posthorn channels test ops',
  );
  addDefaultList(command, listCommand()).addCommand(testCommand());
  return addDocumentCommands<Channel>(command, {
    command: 'channels',
    resource: 'channels',
    what: 'a channel',
    example: 'ops',
    get: (client, name) => client.channels.get(name),
    put: (client, name, document) => client.channels.put(name, document as ChannelDocument),
    delete: (client, name) => client.channels.delete(name),
  });
}
