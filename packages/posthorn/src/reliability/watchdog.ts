import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Transport } from '../transport/transport.ts';

/** Outside services that wait for a sign of life want one about every minute. */
const everyMs = 55_000;
const timeoutMs = 10_000;

/**
 * The dead man's switch: a sign of life to a service outside, after rules were judged. No system can tell that it is
 * silent itself, so whoever stops hearing this has to raise the alarm. Not by way of a delivery on purpose: a sign of life
 * that waits in a queue is none.
 */
export function createWatchdog(options: {
  readonly url: string;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly userAgent: string;
}): { beat(): void } {
  const { url, transport, clock, logger, userAgent } = options;
  let last = Number.NEGATIVE_INFINITY;
  let failing = false;
  return {
    beat: () => {
      if (clock.monotonic() - last < everyMs) return;
      last = clock.monotonic();
      void transport
        .post({ url, headers: ['user-agent', userAgent], body: new Uint8Array(), timeoutMs })
        .then(({ ok, message }) => {
          // Said once when it begins, not every minute.
          if (!ok && !failing) logger.warn({ message }, 'the watchdog outside cannot be reached');
          failing = !ok;
        })
        .catch((error: unknown) => {
          if (!failing)
            logger.warn({ message: (error as Error).message }, 'the watchdog outside cannot be reached');
          failing = true;
        });
    },
  };
}
