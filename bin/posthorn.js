#!/usr/bin/env node
// Installed from npm, Posthorn runs compiled; in a checkout it runs from source.
import { existsSync } from 'node:fs';
import { enableCompileCache } from 'node:module';

// What was compiled once starts in half the time (and source has its types stripped once); NODE_DISABLE_COMPILE_CACHE=1 turns it off.
enableCompileCache();

const compiled = new URL('../dist/cli/main.js', import.meta.url);
const { main } = await import(existsSync(compiled) ? compiled.href : new URL('../src/cli/main.ts', import.meta.url).href);
await main(process.argv);
