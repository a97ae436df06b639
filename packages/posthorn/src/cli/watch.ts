import type { Command } from 'commander';
import { systemClock } from '../runtime/clock.ts';
import { clearScreen } from './output.ts';
import { numberBetween } from './remote.ts';

const usualS = 2;
const seconds = numberBetween(1, 3600);

/** Adds `--watch`: refreshes until Ctrl-C. */
export function watchOption(command: Command): Command {
  return command.option(
    '--watch [seconds]',
    `refresh every given number of seconds (default ${usualS}) until Ctrl-C`,
    seconds,
  );
}

/** Shows something once, or repeatedly with `--watch` (`true`: at the default interval). */
export async function watched(every: number | true | undefined, show: () => Promise<void>): Promise<void> {
  if (every === undefined) return await show();
  const everyMs = (every === true ? usualS : every) * 1000;
  for (;;) {
    clearScreen();
    await show();
    await new Promise<void>((resolve) => systemClock.after(everyMs, resolve));
  }
}
