import { expect, test } from 'vitest';
import { readSettings, settingVariables } from '../config/settings.ts';
import { commands } from './commands.ts';
import { serveCommand } from './commands/serve.ts';

test.each(commands)('$name is what it is called in the list, and its help has an example', async (entry) => {
  const command = await entry.load();
  expect(command.name()).toBe(entry.name);
  let help = '';
  command.configureOutput({ writeOut: (text) => void (help += text) }).outputHelp();
  expect(help).toContain(`Usage: ${entry.name}`);
  expect(help).toContain('Example');
  expect(help).toContain('--json');
});

test('what is wrong with a setting is said by the name of its variable, and of its option only where serve has one', () => {
  const bad = Object.fromEntries(settingVariables.map((name) => [`POSTHORN_${name}`, 'not \n valid']));
  const read = readSettings({}, bad);
  const faults = 'faults' in read ? read.faults : [];
  // Any text is a host, and a directory.
  expect(faults).toHaveLength(settingVariables.length - 2);
  const options = new Map(
    serveCommand().options.map(({ long, description }) => [long!, /POSTHORN_\w+/.exec(description)?.[0]]),
  );
  for (const fault of faults) {
    const [, option, variable] = /^(?:(--[a-z-]+) \()?(POSTHORN_\w+)\)?: /.exec(fault)!;
    expect([...options.values()].includes(variable), fault).toBe(option !== undefined);
    if (option !== undefined) expect(options.get(option)).toBe(variable);
  }
});
