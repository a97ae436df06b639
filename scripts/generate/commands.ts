import type { Command, Option } from 'commander';
import { commands } from '../../packages/posthorn/src/cli/commands.ts';

/** What most commands share is on the page once. */
const shared = new Set(['--url', '--api-key', '--timeout', '--json', '--help']);

const cell = (text: string): string =>
  text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
const row = (term: string, text: string): string => `| \`${term.replaceAll('|', '\\|')}\` | ${cell(text)} |`;

/** The command itself, or those within it. */
function* leaves(command: Command, name: string): Iterable<readonly [string, Command]> {
  if (command.commands.length === 0) yield [name, command];
  for (const inner of command.commands) yield* leaves(inner, `${name} ${inner.name()}`);
}

function section(name: string, command: Command, description: string): string {
  const help = command.createHelp();
  const own = (option: Option): boolean => !option.hidden && !shared.has(option.long ?? '');
  const argumentRows = command.registeredArguments.map((one) =>
    row(one.name(), help.argumentDescription(one)),
  );
  const options = command.options.filter(own).map((one) => {
    const required = one.mandatory ? ' (required)' : '';
    // As `--help` writes defaults: as they are typed.
    const text = help.optionDescription(one).replace(/\(default: "(.*?)"\)/, '(default: $1)');
    return row(one.flags, `${text}${required}`);
  });
  const rows = [...argumentRows, ...options];
  const wanted = command.registeredArguments.map((one) => {
    const term = `${one.name()}${one.variadic ? '…' : ''}`;
    return one.required ? ` <${term}>` : ` [${term}]`;
  });
  return [
    `## ${name}`,
    '',
    `\`posthorn ${name}${wanted.join('')}\`: ${cell(description)}.`,
    ...(rows.length === 0 ? [] : ['', '| | |', '|---|---|', ...rows]),
  ].join('\n');
}

/** Every command with all of its options, as `--help` has them. */
export async function commandsPage(): Promise<string> {
  const sections: string[] = [];
  for (const { name, description, load } of commands)
    for (const [full, command] of leaves(await load(), name))
      sections.push(section(full, command, command.description() || description));
  return `# Commands: every option

<!-- Generated from the commands by \`npm run generate\`: do not edit. -->

The help of each command (\`--help\`) says the same, with examples. [The command line](cli.md) has an overview, exit codes, times and tables.

Commands that talk to a server also take \`--url\` (or \`POSTHORN_URL\`), \`--api-key\` (\`POSTHORN_API_KEY\`) and \`--timeout\` in seconds. Every command
that prints something takes \`--json\`.

${sections.join('\n\n')}
`;
}
