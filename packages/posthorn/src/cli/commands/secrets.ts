import { Command } from 'commander';
import { systemRandom } from '../../runtime/random.ts';
import { newSecretKey } from '../../secrets/secret-key.ts';
import { print, printJson } from '../output.ts';

export function secretsCommand(): Command {
  const generate = new Command('generate')
    .description('Print a new key for POSTHORN_SECRET_KEY')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  export POSTHORN_SECRET_KEY=$(posthorn secrets generate)')
    .action((options: { json?: boolean }) => {
      const key = newSecretKey(systemRandom);
      if (options.json === true) printJson({ secret_key: key });
      else print(key);
    });
  return new Command('secrets')
    .addCommand(generate)
    .addHelpText('after', '\nExample, with --json for scripts:\n  posthorn secrets generate --json');
}
