import { Command, CommanderError } from 'commander';
import { ApiError } from '../client/client.ts';
import { StoreOpenError, UnavailableError } from '../domain/errors.ts';
import { commands } from './commands.ts';
import { CommandError, note, watchOutput } from './output.ts';
import { version } from '../version.ts';

/** Runs one command; sets the exit code: 0 success, 1 a finding or failure, 2 wrong usage. */
export async function main(argv: readonly string[]): Promise<void> {
  watchOutput();
  // Reports and stores hold ids, amounts and secrets: what is made here is this user's alone.
  process.umask(0o077);
  dropEmptyVariables();
  const program = new Command('posthorn')
    .description('Delivers payment webhooks and accounts for every one of them.')
    .version(version)
    // Options and arguments stand in a command's own help: here most commands are only names.
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .showHelpAfterError('(see --help)');
  const asked = askedFor(argv);
  for (const { name, description, load } of commands)
    program.addCommand((name === asked ? await load() : new Command(name)).description(description));
  throwing(program);
  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else if (
      error instanceof CommandError ||
      error instanceof ApiError ||
      error instanceof UnavailableError ||
      error instanceof StoreOpenError
    ) {
      const hint = error instanceof ApiError && error.code === 'timeout' ? ' with --timeout' : '';
      note(`posthorn: ${error.message}${hint}`);
      process.exitCode = error instanceof CommandError ? error.code : 1;
    } else throw error;
  }
}

/** An empty variable counts as unset, for every command alike. */
function dropEmptyVariables(): void {
  for (const [name, value] of Object.entries(process.env))
    if (value === '' && name.startsWith('POSTHORN_')) delete process.env[name];
}

/** The name of the command that is to be run or explained (`posthorn help audit`), if there is one. */
function askedFor(argv: readonly string[]): string | undefined {
  const [first, second] = argv.slice(2).filter((arg) => !arg.startsWith('-'));
  return first === 'help' ? second : first;
}

/** Wrong usage throws, in commands of commands too: Commander itself would leave with 1. */
function throwing(command: Command): void {
  command.exitOverride();
  for (const inner of command.commands) throwing(inner);
}
