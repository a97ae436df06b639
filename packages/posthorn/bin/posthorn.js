#!/usr/bin/env node
// Older versions of Node must be able to parse this file, so that it can report that they are too old. Newer syntax goes into start.js.
const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  process.stderr.write(`posthorn needs Node 24 or newer; this is ${process.version}\n`);
  process.exitCode = 2;
} else void import('./start.js');
