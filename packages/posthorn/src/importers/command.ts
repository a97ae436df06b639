import { Command } from 'commander';
import { svixCommand } from '../svix/import/command.ts';
import { convoyCommand } from './convoy/command.ts';
import { outpostCommand } from './outpost/command.ts';

export function importCommand(environment: Readonly<Record<string, string | undefined>>): Command {
  return new Command('import')
    .addHelpText('after', '\nExample:\n  posthorn import svix --database-url postgres://svix@db/svix --json')
    .addCommand(svixCommand(environment))
    .addCommand(convoyCommand(environment))
    .addCommand(outpostCommand(environment));
}
