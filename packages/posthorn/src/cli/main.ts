import { Command } from 'commander';
import { commands } from './commands.ts';
import { runProgram } from './program.ts';
import { version } from '../version.ts';

/** Runs one command of `posthorn`. */
export async function main(argv: readonly string[]): Promise<void> {
  await runProgram(argv, async () => {
    const program = new Command('posthorn')
      .description('Delivers payment webhooks and accounts for every one of them.')
      .version(version)
      // Options and arguments are in a command's own help: here most commands are only names.
      .configureHelp({ subcommandTerm: (command) => command.name() });
    const asked = askedFor(argv);
    for (const { name, description, load } of commands)
      program.addCommand((name === asked ? await load() : new Command(name)).description(description));
    return program;
  });
}

/** The name of the command to run or explain (`posthorn help audit`), if there is one. */
function askedFor(argv: readonly string[]): string | undefined {
  const [first, second] = argv.slice(2).filter((arg) => !arg.startsWith('-'));
  return first === 'help' ? second : first;
}
