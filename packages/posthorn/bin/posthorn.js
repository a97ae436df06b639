#!/usr/bin/env node
// Installed from npm, Posthorn runs compiled; in a checkout it runs from source.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const [major] = process.versions.node.split('.');
if (Number(major) < 24) {
  process.stderr.write(
    `posthorn: Node 24 or newer is needed, and this is ${process.version}; in a checkout, npm ci brings one: npx posthorn, or npm start\n`,
  );
  process.exit(2);
}

// What was compiled once starts in half the time (and source has its types stripped once); NODE_DISABLE_COMPILE_CACHE=1 turns it off.
// It stands with the package and goes with it: in the temporary directory it would be what a command leaves behind.
module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/posthorn', import.meta.url)));

const compiled = new URL('../dist/cli/main.js', import.meta.url);
const { main } = await import(
  existsSync(compiled) ? compiled.href : new URL('../src/cli/main.ts', import.meta.url).href
);
await main(process.argv);
