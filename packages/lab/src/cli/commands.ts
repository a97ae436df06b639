import type { PackageCommands } from 'posthorn/cli';

/** What this package adds to `posthorn`. */
export const commands: PackageCommands = {
  lab: async () => (await import('./lab-command.ts')).labCommand(),
};
