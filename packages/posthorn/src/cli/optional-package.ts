import { findPackageJSON } from 'node:module';
import type { Command } from 'commander';
import { CommandError } from './output.ts';

/** Commands that another package adds to `posthorn`, as its entry `cli` exports them. */
export type PackageCommands = Readonly<Record<string, () => Promise<Command>>>;

/** Throws a CommandError that says how to install the package if it is not installed beside the module at `importer` (a URL). */
export function demandPackage(name: string, purpose: string, importer: string): void {
  try {
    if (findPackageJSON(name, importer) !== undefined) return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
  }
  throw new CommandError(`${purpose} needs ${name}, which is not installed. Run: npm install ${name}`, 2);
}

/** Loads a command from a package that `posthorn` itself does not install. */
export async function commandFrom(packageName: string, command: string): Promise<Command> {
  demandPackage(packageName, `posthorn ${command}`, import.meta.url);
  // The name is not a literal: neither the compiler nor a bundler follows it from here.
  const { commands }: { commands: PackageCommands } = await import(`${packageName}/cli`);
  return await commands[command]!();
}
