import { ApiError } from '@posthorn/client';
import { type Command, CommanderError, Help } from 'commander';
import { StoreOpenError, UnavailableError } from '../domain/errors.ts';
import { CommandError, note, watchOutput } from './output.ts';
import { failureText } from './remote.ts';

/** Runs one program of commands; sets the exit code: 0 success, 1 a finding or failure, 2 wrong usage. */
export async function runProgram(argv: readonly string[], make: () => Promise<Command>): Promise<void> {
  watchOutput();
  // Reports and stores contain ids, amounts and secrets: files created here are private to this user.
  process.umask(0o077);
  dropEmptyVariables();
  try {
    const program = await make();
    throwing(program);
    await program.parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else if (
      error instanceof CommandError ||
      error instanceof ApiError ||
      error instanceof UnavailableError ||
      error instanceof StoreOpenError
    ) {
      note(`posthorn: ${error instanceof ApiError ? failureText(error) : error.message}`);
      process.exitCode = error instanceof CommandError ? error.code : 1;
    } else throw error;
  }
}

/** An empty variable counts as unset, for every command alike. */
function dropEmptyVariables(): void {
  for (const [name, value] of Object.entries(process.env))
    if (value === '' && name.startsWith('POSTHORN_')) delete process.env[name];
}

const usualHelp = new Help();
const withoutQuotes = (text: string): string => text.replace(/\(default: "([^"]*)"\)/, '(default: $1)');

/**
 * Reports wrong usage with the correct usage and throws, in nested commands too: Commander itself would exit with 1. Help shows a
 * default as it is typed.
 */
function throwing(command: Command): void {
  command
    .configureHelp({
      ...command.configureHelp(),
      optionDescription: (option) => withoutQuotes(usualHelp.optionDescription(option)),
      argumentDescription: (argument) => withoutQuotes(usualHelp.argumentDescription(argument)),
    })
    .exitOverride()
    .showHelpAfterError(`(usage: ${command.createHelp().commandUsage(command)}; see --help)`);
  for (const inner of command.commands) throwing(inner);
}
