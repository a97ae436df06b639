#!/usr/bin/env node
// An older Node must be able to parse this file, to say that it is too old: what is newer stands in start.js.
const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  process.stderr.write(`posthorn: Node 24 or newer is needed, and this is ${process.version}\n`);
  process.exitCode = 2;
} else void import('./start.js');
