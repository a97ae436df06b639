import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Transport } from '../transport/transport.ts';

/** External dead man's switches expect a ping about every minute. */
const everyMs = 55_000;
const timeoutMs = 10_000;

/**
 * Pings an external dead man's switch after each evaluation. No system can detect its own silence, so the external
 * service raises the alarm when the pings stop. Not sent as a delivery: a ping that waits in a queue proves nothing.
 */
export function createWatchdog(options: {
  readonly url: string;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly userAgent: string;
}): { ping(): void } {
  const { url, transport, clock, logger, userAgent } = options;
  let last = Number.NEGATIVE_INFINITY;
  let failing = false;
  return {
    ping: () => {
      if (clock.monotonic() - last < everyMs) return;
      last = clock.monotonic();
      void transport
        .post({ url, headers: ['user-agent', userAgent], body: new Uint8Array(), timeoutMs })
        .then(({ ok, message }) => {
          // Logged once when it begins, not every minute.
          if (!ok && !failing)
            logger.warn(
              { code: 'watchdog_unreachable', error: message },
              'the external watchdog cannot be reached',
            );
          failing = !ok;
        })
        .catch((error: unknown) => {
          if (!failing)
            logger.warn(
              { code: 'watchdog_unreachable', error: (error as Error).message },
              'the external watchdog cannot be reached',
            );
          failing = true;
        });
    },
  };
}
