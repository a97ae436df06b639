import type { Command } from 'commander';
import { missingPackages, notInstalled } from '../runtime/optional-package.ts';
import { CommandError } from './output.ts';

/** Commands that another package adds to `posthorn`, as exported by its `cli` entry. */
export type PackageCommands = Readonly<Record<string, () => Promise<Command>>>;

/**
 * Throws a CommandError that says how to install the packages if one cannot be resolved from the module at `importer`
 * (a URL).
 */
export function demandPackages(names: readonly string[], purpose: string, importer: string): void {
  const missing = missingPackages(names, importer);
  if (missing.length > 0) throw new CommandError(`${purpose} ${notInstalled(missing)}`, 2);
}

/** Loads a command from a package that `posthorn` itself does not install. */
export async function commandFrom(packageName: string, command: string): Promise<Command> {
  demandPackages([packageName], `posthorn ${command}`, import.meta.url);
  // The name is not a literal, so neither the compiler nor a bundler follows it.
  const { commands }: { commands: PackageCommands } = await import(`${packageName}/cli`);
  return await commands[command]!();
}
