import type { PackageCommands } from 'posthorn/cli';

/** The commands that this package adds to `posthorn`. */
export const commands: PackageCommands = {
  audit: async () => (await import('./audit-command.ts')).auditCommand(),
  impact: async () => (await import('./impact-command.ts')).impactCommand(),
};
