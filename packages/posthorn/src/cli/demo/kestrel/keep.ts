import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { dayMs, iso } from '../../../domain/time.ts';
import { systemClock } from '../../../runtime/clock.ts';
import { saveCopy } from '../../../store/sqlite/save-copy.ts';
import { print, printJson, progress } from '../../output.ts';
import { calendarUntil } from './calendar.ts';
import { formerLog } from './former-sender.ts';
import { makeHistory } from './history.ts';
import { startLive } from './live.ts';

/** One seed gives one history: two people who talk about it see the same. */
const seed = 7;
/** Beside the data: the log of the sender that was there before, for `posthorn impact` and `posthorn audit`. */
const formerLogName = 'former-sender.jsonl';

export interface KeepOptions {
  readonly dataDir: string;
  readonly port: string;
  readonly deliveries: number;
  readonly json: boolean;
  /** Stops the demo. */
  readonly signal: AbortSignal;
}

/** Creates the history of Kestrel Pay unless the directory has one, then continues live until it is stopped. */
export async function keepDemo({ deliveries, json, signal, port, ...options }: KeepOptions): Promise<void> {
  const dataDir = resolve(options.dataDir);
  if (!existsSync(join(dataDir, 'posthorn.db'))) {
    const began = systemClock.monotonic();
    await writeHistory(dataDir, deliveries);
    if (!json)
      print(`Five weeks of Kestrel Pay in ${((systemClock.monotonic() - began) / 1000).toFixed(1)} s.\n`);
  }
  if (signal.aborted) return;
  const live = await startLive({ dataDir, port });
  const { url, key } = live;
  const signIn = `${url}/#k=${key}`;
  const again = `posthorn demo --keep --data-dir ${dataDir} --port ${port}`;
  if (json) printJson({ url, key, sign_in: signIn, data_dir: dataDir });
  else print(text({ url, key, signIn, dataDir }));
  if (!signal.aborted)
    await new Promise((stopped) => signal.addEventListener('abort', stopped, { once: true }));
  await live.stop();
  if (!json) print(`\nThe data stays in ${dataDir}. To continue:\n  ${again}`);
}

async function writeHistory(dataDir: string, deliveries: number): Promise<void> {
  const bar = progress(100);
  const now = systemClock.now();
  const db = await makeHistory({
    seed,
    now,
    deliveries,
    onProgress: (share) => bar.at(Math.round(share * 100), 'percent of five weeks of Kestrel Pay'),
  });
  try {
    saveCopy(db, dataDir);
    writeFileSync(join(dataDir, formerLogName), formerLog(seed, deliveries, calendarUntil(now)));
  } finally {
    db.close();
    bar.end();
  }
}

/** The two weeks before today, as days. */
function lastFortnight(): string {
  const day = (ago: number): string => iso(systemClock.now() - ago * dayMs).slice(0, 10);
  return `${day(15)}..${day(1)}`;
}

function text({
  url,
  key,
  signIn,
  dataDir,
}: {
  url: string;
  key: string;
  signIn: string;
  dataDir: string;
}): string {
  return `Posthorn serves Kestrel Pay at ${url}, with 40 events a second.

  Sign in:  ${signIn}
  Key:      ${key}

Six things to try:
  1. Now: what will not arrive by itself, what it is worth, and who owns it.
  2. Endpoints: why does ledger.kestrel.example fail?
  3. Dead letters: redrive what failed at orders.kestrel.example yesterday between 2 and 3.
  4. Objectives: does shop keep its promise, and who spends the budget?
  5. Deliveries: find a payment, and see each of its attempts to scale.
  6. What did Posthorn change? The log of the sender before it is beside the data:
     posthorn impact --before ${join(dataDir, formerLogName)} --after ${lastFortnight()} --data-dir ${dataDir}

Ctrl-C stops it and keeps the data.`;
}
