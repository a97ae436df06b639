import { Command } from 'commander';
import { runProgram, version } from 'posthorn/cli';
import { commands } from './commands.ts';

/** Runs `posthorn audit`, or another command of this package if it is named, without the rest of `posthorn`. */
export async function main(): Promise<void> {
  const [first = ''] = process.argv.slice(2);
  // Reports quote the command from here, so that it also works with a full installation of `posthorn`.
  if (!(first in commands) && !['help', '--help', '-h', '--version', '-V'].includes(first))
    process.argv.splice(2, 0, 'audit');
  await runProgram(process.argv, async () => {
    const program = new Command('posthorn').version(version);
    for (const load of Object.values(commands)) program.addCommand(await load());
    return program;
  });
}
