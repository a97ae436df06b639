import type { Cause } from '../result.ts';

const guide = 'docs/guides/audit.md#what-to-do-about-each-cause';

/** What to do about each cause, in one line with a link. */
export const whatToDo: Readonly<Record<Cause, string>> = {
  retry_race: `Claim a delivery before sending it, and let only the claim write its outcome (${guide}).`,
  retry_never_scheduled: `Write the time of the next attempt in the transaction that records the failure, and sweep for overdue ones (${guide}).`,
  counter_reset: `Keep the attempt number in the delivery's row, and increase it where the attempt is claimed (${guide}).`,
  client_timeout: `Raise the timeout above what the receiver needs, and treat a timeout as a failure to retry (${guide}).`,
  restart_loss: `Store deliveries before acknowledging them, and take up unfinished ones at the start (${guide}).`,
  defect_onset: `Look at what was released at this time, and resend what failed since (${guide}).`,
  endpoint_outage: `Retry for longer than the outage, and resend what was given up (${guide}).`,
  dns: `Retry failures of name lookup like any other failure (${guide}).`,
  tls: `Alert on expiring certificates, and retry failures of TLS like any other failure (${guide}).`,
  rate_limited: `Wait as long as Retry-After says, and limit the rate per endpoint (${guide}).`,
  oversize: `Send a reference instead of a large payload, or agree on a larger limit (${guide}).`,
  poison: `Look at the payload of these events: the receiver rejects them every time (${guide}).`,
  acknowledged_unprocessed: `Ask the receiver to store an event before it answers 2xx (${guide}).`,
  unknown: `Look at the examples, and compare with --expected and --received (${guide}).`,
};
