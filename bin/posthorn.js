#!/usr/bin/env node
// A checkout serves the dashboard that it has built: `npm start` and the demo build it if a source is newer.
if (process.argv[2] === 'demo' && process.argv.includes('--keep')) {
  const { buildDashboard } = await import('../scripts/dashboard.ts');
  await buildDashboard((line) => process.stderr.write(`${line}\n`));
}
await import('../packages/posthorn/bin/posthorn.js');
