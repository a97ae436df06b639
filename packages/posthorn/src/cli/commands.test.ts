import { expect, test } from 'vitest';
import { commands } from './commands.ts';

test.each(commands)('$name is what it is called in the list, and its help has an example', async (entry) => {
  const command = await entry.load();
  expect(command.name()).toBe(entry.name);
  let help = '';
  command.configureOutput({ writeOut: (text) => void (help += text) }).outputHelp();
  expect(help).toContain(`Usage: ${entry.name}`);
  expect(help).toContain('Example');
  expect(help).toContain('--json');
});
