import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { commands } from './commands.ts';
import { completionScript, listCompletions } from './completion.ts';

const named = async (...names: string[]) =>
  await Promise.all(commands.filter(({ name }) => names.includes(name)).map(({ load }) => load()));

async function script(shell: 'bash' | 'zsh' | 'fish'): Promise<string> {
  const loaded = await named('endpoints', 'deliveries', 'accounting');
  return completionScript(shell, [
    {
      path: '',
      commands: loaded.map((command) => ({ name: command.name(), description: "it's" })),
      options: [],
    },
    ...loaded.flatMap((command) => listCompletions(command)),
  ]);
}

/** What bash offers behind these words. */
async function offered(...typed: string[]): Promise<string[]> {
  const line = `COMP_WORDS=(${typed.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${typed.length - 1}; _posthorn; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const out = execFileSync('bash', ['--norc', '-c', `${await script('bash')}\n${line}`], {
    encoding: 'utf8',
  });
  return out.split('\n').filter((word) => word !== '');
}

test('bash completes commands, commands in commands, options and choices', async () => {
  expect(await offered('posthorn', 'en')).toEqual(['endpoints']);
  expect(await offered('posthorn', 'endpoints', 're')).toEqual(['resume']);
  expect(await offered('posthorn', 'endpoints', 'list', '--st')).toEqual(['--state']);
  expect(await offered('posthorn', 'endpoints', '--url', 'http://x', 'health', '--wa')).toEqual(['--watch']);
  expect(await offered('posthorn', 'accounting', '--by', 'ow')).toEqual(['owner']);
  expect(await offered('posthorn', 'deliveries', '--blo')).toEqual(['--blocked']);
});

test('fish and zsh get every command, with texts quoted', async () => {
  const fish = await script('fish');
  expect(fish).toContain(`-a endpoints -d 'it'\\''s'`);
  expect(fish).toContain(
    `complete -c posthorn -n '__fish_seen_subcommand_from endpoints; and __fish_seen_subcommand_from list' -l state -r`,
  );
  expect(await script('zsh')).toContain('bashcompinit');
});
