import { Command } from 'commander';
import { readSettings } from '../../config/settings.ts';
import { CommandError, note, print } from '../output.ts';
import { startServing } from '../serve-process.ts';

export function serveCommand(): Command {
  return new Command('serve')
    .option('--host <address>', 'address to listen on (POSTHORN_HOST, default 127.0.0.1)')
    .option('--port <number>', 'port to listen on (POSTHORN_PORT, default 8400)')
    .option('--data-dir <path>', 'where everything is stored (POSTHORN_DATA_DIR, default ./posthorn-data)')
    .option(
      '--database-url <url>',
      'PostgreSQL to store in instead, shared by any number of nodes (POSTHORN_DATABASE_URL)',
    )
    .option(
      '--node-name <name>',
      'name of this node among them, unique (POSTHORN_NODE_NAME, default: made up)',
    )
    .option(
      '--allow-private-networks',
      'deliver to private and local addresses too, never to cloud metadata (POSTHORN_ALLOW_PRIVATE_NETWORKS)',
    )
    .option(
      '--allow-networks <cidrs>',
      'networks to deliver to although they are not public, separated by commas (POSTHORN_ALLOW_NETWORKS)',
    )
    .option(
      '--deny-networks <cidrs>',
      'networks never to connect to, separated by commas; wins over what is allowed (POSTHORN_DENY_NETWORKS)',
    )
    .option(
      '--proxy <url>',
      'HTTP proxy that webhooks go through (POSTHORN_PROXY, default: direct connections)',
    )
    .option('--log-level <level>', 'debug, info, warn, error or silent (POSTHORN_LOG_LEVEL)')
    .option(
      '--retention-days <days>',
      'keep finished deliveries so long (POSTHORN_RETENTION_DAYS, default 30)',
    )
    .option(
      '--dead-retention-days <days>',
      'keep dead letters so long (POSTHORN_DEAD_RETENTION_DAYS, default 90)',
    )
    .option('--json', 'print the start-up facts as one JSON object')
    .addHelpText(
      'after',
      '\nThe admin key is POSTHORN_API_KEY; without it one is made at the first start and printed once.\n\nExample:\n  posthorn serve --port 8400 --data-dir ./posthorn-data',
    )
    .action(async (options: Record<string, unknown>) => {
      const read = readSettings(options, process.env);
      if ('faults' in read) throw new CommandError(read.faults.join('\n'), 2);
      const { settings } = read;
      const serving = await startServing(settings).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'EADDRINUSE') {
          throw new CommandError(
            `port ${settings.port} on ${settings.host} is taken; choose another with --port`,
          );
        }
        throw error instanceof CommandError ? error : new CommandError(error.message);
      });
      if (options['json'] === true)
        print(
          JSON.stringify({
            url: serving.url,
            ...(settings.databaseUrl === undefined ? { data_dir: settings.dataDir } : { node: serving.node }),
            api_key: serving.newKey,
          }),
        );
      else {
        print(
          settings.databaseUrl === undefined
            ? `Posthorn listens on ${serving.url} and stores in ${settings.dataDir}`
            : `Posthorn listens on ${serving.url} as node ${serving.node} and stores in PostgreSQL`,
        );
        if (serving.newKey !== null) print(`Admin key (shown this once): ${serving.newKey}`);
        else if (settings.apiKey === undefined)
          print('Admin key: the one printed at the first start; set POSTHORN_API_KEY to use another.');
        print(
          `Next: export POSTHORN_API_KEY=${serving.newKey ?? 'phk_…'}; curl -H "Authorization: Bearer $POSTHORN_API_KEY" ${serving.url}/v1/accounting`,
        );
      }
      await new Promise<void>((resolve) => {
        let stopping = false;
        const stop = (): void => {
          if (stopping) process.exit(1);
          stopping = true;
          note('stopping: finishing what is in flight (again to stop at once)');
          void serving.stop().then(resolve);
        };
        process.on('SIGTERM', stop);
        process.on('SIGINT', stop);
      });
    });
}
