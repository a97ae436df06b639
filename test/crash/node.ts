import { flushCompileCache } from 'node:module';
import { startServing } from '../../packages/posthorn/src/cli/serve-process.ts';
import { readSettings } from '../../packages/posthorn/src/config/settings.ts';
import { systemClock } from '../../packages/posthorn/src/runtime/clock.ts';

// One node of the crash tests: `posthorn serve` with a clock that its parent can shift without notice.

let shift = 0;
process.on('message', (message: { shift: number }) => {
  shift = message.shift;
});
const read = readSettings(JSON.parse(process.argv[2]!) as Record<string, unknown>, {});
if ('faults' in read) throw new Error(read.faults.join('\n'));
const serving = await startServing(read.settings, {
  clock: { ...systemClock, now: () => systemClock.now() + shift },
});
process.on('SIGTERM', () => void serving.stop().then(() => process.exit(0)));
// If the nemesis itself dies, its nodes end too.
process.on('disconnect', () => process.exit(1));
// One that is killed would not keep what it compiled for the next.
flushCompileCache();
process.send!({ url: serving.url });
