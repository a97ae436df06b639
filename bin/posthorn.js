#!/usr/bin/env node
// Installed from npm, Posthorn runs compiled; in a checkout it runs from source.
import { existsSync } from 'node:fs';

const compiled = new URL('../dist/cli/main.js', import.meta.url);
const { main } = await import(existsSync(compiled) ? compiled.href : new URL('../src/cli/main.ts', import.meta.url).href);
await main(process.argv);
