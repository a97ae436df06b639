import type { Cause, Verdict } from '../result.ts';

/** Explains each cause to readers who have not met it. */
export const causeTexts: Readonly<Record<Cause, string>> = {
  retry_race:
    'Attempts of one delivery overlap; the one that ends last overwrites the state and erases the retry that was owed.',
  retry_never_scheduled: 'An attempt fails and no retry follows, although the sender retries others.',
  counter_reset:
    'The attempt counter starts again, so the end of the schedule never comes and no failure is reported.',
  client_timeout:
    'The sender times out and does not retry; the receiver may have processed the event anyway.',
  restart_loss: 'Events accepted around a restart were only in memory and were lost with the process.',
  defect_onset: 'From one moment on, a share of the events is lost: something was released then.',
  endpoint_outage:
    'One endpoint was down for a while, and the sender gave up the waiting events without recording it.',
  dns: 'The host name of the receiver could not be resolved, and the events were not retried.',
  tls: 'No secure connection could be made (most often because of a certificate), and the events were not retried.',
  rate_limited:
    'The receiver asked the sender to wait; the sender retried too soon until its attempts ran out.',
  oversize: 'Events above a certain size are refused and not retried.',
  poison: 'One kind of event always fails while other events to the same endpoint get through.',
  acknowledged_unprocessed: 'The receiver acknowledged the event and never processed it.',
  unknown: 'Nothing in the log explains these events.',
};

export const verdictTexts: Readonly<Record<Verdict, string>> = {
  delivered: 'delivered',
  late: 'delivered late',
  given_up: 'given up and recorded',
  silently_dropped: 'silently dropped',
  unresolved: 'undecided at the end of the log',
  acknowledged_unprocessed: 'acknowledged but not processed',
};
