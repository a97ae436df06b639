import { count, seconds } from 'posthorn/report';
import { contrast } from './evidence.ts';
import type { Rule } from './rule.ts';

// Causes that the last failure names by itself.

export const dns: Rule = {
  sign: 'dns',
  cause: 'dns',
  kind: 'support',
  shows: () => "error_class = 'dns'",
  describe: (e) =>
    `${count(e.events)} lost events ended when the endpoint's name could not be resolved.${contrast(e)}`,
};

export const tls: Rule = {
  sign: 'tls',
  cause: 'tls',
  kind: 'support',
  shows: () => "error_class = 'tls'",
  describe: (e) =>
    `${count(e.events)} lost events ended with a TLS failure (certificate or handshake).${contrast(e)}`,
};

export const rateLimited: Rule = {
  sign: 'rate_limited',
  cause: 'rate_limited',
  kind: 'support',
  shows: () => "error_class = 'rate_limited'",
  describe: (e) =>
    `${count(e.events)} lost events ended with 429 or a rate limit${e.tooSoon === 0 ? '' : `; ${count(e.tooSoon)} were retried sooner than Retry-After allowed`}.${contrast(e)}`,
};

export const clientTimeout: Rule = {
  sign: 'client_timeout',
  cause: 'client_timeout',
  kind: 'support',
  shows: ({ habits }) => {
    const limit = habits.sender.timeout_ms;
    // A failure without an answer that took as long as the client waits, whatever the log calls it.
    return limit === null
      ? "error_class = 'timeout'"
      : `error_class = 'timeout' or failed_code is null and failed_took between ${limit * 0.98 - 25} and ${limit * 1.02 + 25}`;
  },
  describe: (e) => {
    const limit = e.habits.sender.timeout_ms;
    return `${count(e.events)} lost events ended at the sender's own timeout${limit === null ? '' : ` of ${seconds(limit)}`} without an answer; the receiver may have processed them anyway.${contrast(e)}`;
  },
};
