import type { Command, Option } from 'commander';

/** What may follow one command. */
export interface Completion {
  /** `endpoints`, `endpoints list`; empty: posthorn itself. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly CompletedOption[];
}

export interface CompletedOption {
  readonly long: string;
  readonly description: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

function completedOption({ long, description, required, optional, argChoices }: Option): CompletedOption[] {
  if (long === undefined || long === null) return [];
  return [{ long, description, takesValue: required || optional, choices: argChoices ?? [] }];
}

/** A command and all its subcommands. */
export function listCompletions(command: Command, path = command.name()): Completion[] {
  const visible = command.createHelp().visibleCommands(command);
  const inner = visible.filter((one) => one.name() !== 'help');
  return [
    {
      path,
      commands: inner.map((one) => ({ name: one.name(), description: one.description() })),
      options: command.options.flatMap(completedOption),
    },
    ...inner.flatMap((one) => listCompletions(one, `${path} ${one.name()}`)),
  ];
}

const flags = ({ options }: Completion): string[] => options.map(({ long }) => long);

/** Quoted for the shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

function bashScript(all: readonly Completion[]): string {
  const cases = all.map((one) => {
    const words = [...one.commands.map(({ name }) => name), ...flags(one)];
    return `    ${quoted(one.path)}) words=${quoted(words.join(' '))} ;;`;
  });
  const values = all.flatMap((one) =>
    one.options
      .filter(({ takesValue }) => takesValue)
      .map(
        ({ long, choices }) =>
          `    ${quoted(`${one.path} ${long}`)}) COMPREPLY=( $(${choices.length > 0 ? `compgen -W ${quoted(choices.join(' '))}` : 'compgen -f'} -- "$word") ); return ;;`,
      ),
  );
  return `# bash completion of posthorn: put it where bash finds it, or: source <(posthorn completion bash)
_posthorn() {
  local word="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path='' at words=''
  for (( at = 1; at < COMP_CWORD; at++ )); do
    case " ${all.map(({ path }) => path.replaceAll(' ', '/')).join(' ')} " in
      *" \${path:+$path/}\${COMP_WORDS[at]} "*) path="\${path:+$path/}\${COMP_WORDS[at]}" ;;
    esac
  done
  path="\${path//\\// }"
  case "$path $previous" in
${values.join('\n')}
  esac
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=( $(compgen -W "$words" -- "$word") )
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=( $(compgen -f -- "$word") )
}
complete -o filenames -F _posthorn posthorn
`;
}

function fishScript(all: readonly Completion[]): string {
  const lines = all.flatMap((one) => {
    const seen = one.path.split(' ').filter((name) => name !== '');
    const inner = one.commands.map(({ name }) => name);
    const conditions = [
      ...seen.map((name) => `__fish_seen_subcommand_from ${name}`),
      ...(inner.length > 0 ? [`not __fish_seen_subcommand_from ${inner.join(' ')}`] : []),
    ];
    const when = conditions.length === 0 ? '' : ` -n ${quoted(conditions.join('; and '))}`;
    return [
      ...one.commands.map(
        ({ name, description }) => `complete -c posthorn -f${when} -a ${name} -d ${quoted(description)}`,
      ),
      ...one.options.map(
        ({ long, description, takesValue, choices }) =>
          `complete -c posthorn${when} -l ${long.slice(2)}${takesValue ? ' -r' : ''}${choices.length > 0 ? ` -f -a ${quoted(choices.join(' '))}` : ''} -d ${quoted(description)}`,
      ),
    ];
  });
  return `# fish completion of posthorn: posthorn completion fish > ~/.config/fish/completions/posthorn.fish\n${lines.join('\n')}\n`;
}

/** The script that makes a shell complete `posthorn`; the first of `all` is posthorn itself. */
export function completionScript(shell: Shell, all: readonly Completion[]): string {
  if (shell === 'fish') return fishScript(all);
  const bash = bashScript(all);
  if (shell === 'bash') return bash;
  const note = '# zsh completion of posthorn: source <(posthorn completion zsh)';
  return `${note}\nautoload -U +X compinit bashcompinit && compinit && bashcompinit\n${bash}`;
}
