import { findPackageJSON } from 'node:module';

/** Returns those of the packages that are not installed where the module at `importer` (a URL) would import them from. */
export function missingPackages(names: readonly string[], importer: string): string[] {
  return names.filter((name) => {
    try {
      return findPackageJSON(name, importer) === undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return true;
      throw error;
    }
  });
}

/** What is missing and the command that installs it, as the end of a sentence. */
export const notInstalled = (missing: readonly string[]): string =>
  `needs ${missing.join(', ')}, which ${missing.length === 1 ? 'is' : 'are'} not installed. Run: npm install ${missing.join(' ')}`;
