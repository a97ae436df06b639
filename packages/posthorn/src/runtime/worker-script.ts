import { existsSync } from 'node:fs';
import { StoreOpenError } from '../domain/errors.ts';

/**
 * Returns the file of a worker thread, which is beside the module at `moduleUrl` and compiled as it is. Throws if a bundler has
 * moved the module and left the file behind.
 */
export function workerScript(name: string, moduleUrl: string | undefined): URL {
  // Bundles of CommonJS have no `import.meta.url`.
  const script =
    moduleUrl === undefined
      ? null
      : new URL(`./${name}${moduleUrl.endsWith('.ts') ? '.ts' : '.js'}`, moduleUrl);
  if (script !== null && existsSync(script)) return script;
  throw new StoreOpenError(
    "Posthorn cannot run from inside a bundle: its threads are files of the package. Leave it out of the bundle: serverExternalPackages: ['posthorn'] in next.config.js, external: ['posthorn'] for esbuild and Rollup, ssr: { external: ['posthorn'] } for Vite.",
  );
}
