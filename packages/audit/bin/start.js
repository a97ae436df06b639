// Installed from npm, the audit runs compiled; in a checkout, which has the configuration of the compiler, from source.
import { existsSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

// With the compile cache a start takes half the time, and types are stripped from source only once. NODE_DISABLE_COMPILE_CACHE=1 turns it off.
// The cache lives in the package and is removed with it; in the temporary directory a command would leave files behind.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/posthorn-audit', import.meta.url)));

const isCheckout = existsSync(new URL('../tsconfig.build.json', import.meta.url));
if (isCheckout) await import(new URL('../../../bin/source.js', import.meta.url).href);
const { main } = await import(
  new URL(isCheckout ? '../src/cli/main.ts' : '../dist/cli/main.js', import.meta.url).href
);
await main();
