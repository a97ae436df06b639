import type { Command } from 'commander';
import { type Client, createClient } from '../client/client.ts';
import { CommandError } from './output.ts';

/** Options of every command that talks to a running server. */
export function remoteOptions(command: Command): Command {
  return command
    .option('--url <url>', 'the server (POSTHORN_URL, default http://127.0.0.1:8400)')
    .option('--api-key <key>', 'its admin key (POSTHORN_API_KEY)')
    .option('--json', 'print JSON');
}

export function clientOf(options: { url?: string; apiKey?: string }): Client {
  const key = options.apiKey ?? process.env['POSTHORN_API_KEY'];
  if (key === undefined) throw new CommandError('no key: set POSTHORN_API_KEY, or give --api-key', 2);
  return createClient(options.url ?? process.env['POSTHORN_URL'] ?? 'http://127.0.0.1:8400', key);
}
