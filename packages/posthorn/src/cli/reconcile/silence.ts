import { systemClock } from '../../runtime/clock.ts';
import { CommandError } from '../output.ts';

/** Ends an exchange of lines when the server neither reads nor answers for so long: such an exchange may last hours. */
export interface SilenceLimit {
  /** Aborts with a `CommandError`. */
  readonly signal: AbortSignal;
  /** The server has to do something now. */
  awaitServer(): void;
  /** What takes time now is not the server's. */
  pause(): void;
  end(): void;
}

export function silenceLimit(limitS: number): SilenceLimit {
  const limitMs = limitS * 1000;
  const stop = new AbortController();
  let since: number | null = null;
  const timer = setInterval(() => {
    if (since !== null && systemClock.monotonic() - since > limitMs)
      stop.abort(
        new CommandError(
          `the server has not continued for ${limitS} s; check it, or give it more time with --timeout`,
        ),
      );
  }, limitMs / 4);
  return {
    signal: stop.signal,
    awaitServer: () => {
      since = systemClock.monotonic();
    },
    pause: () => {
      since = null;
    },
    end: () => clearInterval(timer),
  };
}
