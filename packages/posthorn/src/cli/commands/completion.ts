import { Argument, Command } from 'commander';
import { missingPackages } from '../../runtime/optional-package.ts';
import type { CommandEntry } from '../commands.ts';
import { completionScript, listCompletions, type Shell, shells } from '../completion.ts';
import { printExact, printJson } from '../output.ts';

/** Commands of packages that are installed beside Posthorn, or not. */
const packages: Readonly<Record<string, string>> = {
  audit: '@posthorn/audit',
  impact: '@posthorn/audit',
  lab: '@posthorn/lab',
};

export function completionCommand(commands: readonly CommandEntry[]): Command {
  return new Command('completion')
    .addArgument(new Argument('<shell>', 'the shell').choices([...shells]))
    .option('--json', 'print JSON: the script as one text')
    .addHelpText(
      'after',
      '\nExamples:\n  source <(posthorn completion bash)\n  posthorn completion fish > ~/.config/fish/completions/posthorn.fish',
    )
    .action(async (shell: Shell, options: { readonly json?: boolean }) => {
      const there = commands.filter(
        ({ name }) =>
          packages[name] === undefined || missingPackages([packages[name]], import.meta.url).length === 0,
      );
      const loaded = await Promise.all(
        there.map(async ({ description, load }) => (await load()).description(description)),
      );
      const root = {
        path: '',
        commands: loaded.map((command) => ({ name: command.name(), description: command.description() })),
        options: [
          { long: '--help', description: 'display help', takesValue: false, choices: [] },
          { long: '--version', description: 'output the version', takesValue: false, choices: [] },
        ],
      };
      const script = completionScript(shell, [
        root,
        ...loaded.flatMap((command) => listCompletions(command)),
      ]);
      if (options.json === true) printJson({ shell, script });
      else printExact(script);
    });
}
