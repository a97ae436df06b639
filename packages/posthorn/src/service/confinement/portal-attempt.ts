import type { Answer } from '../../contract/table.ts';

type Attempt = Answer<'deliveries.get'>['attempts'][number];

/** An attempt as a portal shows it: nothing about the nodes here, or about outbound proxies. */
export const portalAttempt = <A extends Pick<Attempt, 'phases_ms' | 'node'>>(attempt: A): A => ({
  ...attempt,
  phases_ms: attempt.phases_ms === null ? null : { ...attempt.phases_ms, proxy: null },
  node: null,
});
