import type { Client } from '@posthorn/client';
import { iso, secondMs } from '../../domain/time.ts';
import { count as many } from '../../report/count.ts';
import { systemClock } from '../../runtime/clock.ts';
import { CommandError, print } from '../output.ts';
import { Again, sendAgain } from '../reconcile/send-again.ts';
import { type Comparison, compareEndpoint, type OwnDelivery } from './compare.ts';
import type { OtherSender } from './other-sender.ts';
import type { Pair } from './pairs.ts';

/** Requests of one command in flight at once. */
const concurrency = 8;
const cancelReason = 'the other sender has it';

/**
 * Cancels the suppressed deliveries that the other sender has made: they do not count as drops, and a bulk redrive does not send them twice.
 * Answers how many.
 */
export async function cancelSent(client: Client, { both }: Comparison): Promise<number> {
  const left = both.filter(({ state }) => state === 'suppressed');
  const total = left.length;
  const work = async (): Promise<void> => {
    for (let next = left.pop(); next !== undefined; next = left.pop())
      await client.deliveries.cancel(next.id, { reason: cancelReason });
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return total;
}

export interface EndOptions {
  readonly since: number;
  /** How long the other sender must have accepted nothing. */
  readonly quietMs: number;
  readonly json: boolean;
}

/** Refuses as long as the other sender still accepts events: both would deliver those that come now. */
export async function demandQuiet(
  client: Client,
  sender: OtherSender,
  pairs: readonly Pair[],
  { since, quietMs }: EndOptions,
): Promise<void> {
  for (const pair of pairs) {
    const now = systemClock.now();
    const range = { since: Math.max(since, now - quietMs), until: now };
    const { lastAcceptedThere: last } = await compareEndpoint(client, sender, pair, { range, maxBodies: 0 });
    if (last !== null && last > now - quietMs)
      throw new CommandError(
        `the other sender accepted an event at ${iso(last)}: stop publishing to it, wait ${quietMs / secondMs} s and run the command again; nothing was changed`,
      );
  }
}

export interface Ended {
  readonly pair: Pair;
  /** From this instant on, Posthorn delivers what it accepts. */
  readonly liveAt: string;
  readonly cancelled: number;
  readonly redriven: number;
  /** Accepted by the other sender, which has not sent it: an operator has to look. */
  readonly left: readonly OwnDelivery[];
  readonly isComplete: boolean;
}

/**
 * Ends the shadow of an endpoint: resumes it, and then settles what was accepted before that instant. What the other sender has is
 * cancelled, what it lacks is redriven, so that nothing is missing and nothing comes twice. Safe to repeat.
 */
export async function endShadow(
  client: Client,
  sender: OtherSender,
  pair: Pair,
  options: EndOptions,
  signal: AbortSignal,
): Promise<Ended> {
  const { own } = pair;
  const { updatedAt: liveAt } = await client.endpoints.resume(own.id);
  // Read after that instant: whatever was suppressed is among it.
  const range = { since: options.since, until: systemClock.now() };
  const compared = await compareEndpoint(client, sender, pair, { range, maxBodies: 0 });
  const cancelled = await cancelSent(client, compared);
  const again = new Again();
  const missing = compared.onlyHere.filter(({ state }) => state === 'suppressed');
  for (const delivery of missing) again.add(delivery);
  const isSent = await sendAgain(
    client,
    own,
    again,
    { name: `accepted while ${own.name ?? own.id} was a shadow`, json: options.json },
    signal,
  );
  const left = compared.unsentThere.filter(({ state }) => state === 'suppressed');
  return {
    pair,
    liveAt,
    cancelled,
    redriven: missing.length,
    left,
    isComplete: isSent && left.length === 0,
  };
}

export function reportEnded({ pair, liveAt, cancelled, redriven, left }: Ended): void {
  const { name, id } = pair.own;
  print(
    `${name ?? id}: live since ${liveAt}. Of what came before, ${many(cancelled)} the other sender has, ${many(redriven)} are delivered here${left.length === 0 ? '' : `, ${many(left.length)} the other sender has accepted and not sent: they stay suppressed. Run the command again when it is done with them`}`,
  );
}
