import type { Cause, Verdict } from '../result.ts';

/** What each cause is, for people who have not met it. */
export const causeTexts: Readonly<Record<Cause, string>> = {
  retry_race:
    'Attempts of one delivery overlap; the one that ends last overwrites the state and erases the retry that was owed.',
  retry_never_scheduled: 'An attempt fails and no retry follows, though the sender retries others.',
  counter_reset:
    'The count of attempts starts again, so the end of the schedule never comes and nobody is told.',
  client_timeout:
    'The sender stops waiting at its own limit and does not try again; the receiver may have had the event all the same.',
  restart_loss: 'What was accepted around a restart was only in memory, and went with the process.',
  defect_onset: 'From one moment on a share of the events is lost: something was released then.',
  endpoint_outage: 'One endpoint was away for a while, and what waited for it was given up without a word.',
  dns: 'The name of the receiver could not be resolved, and the events were not tried again.',
  tls: 'No secure connection could be made (a certificate, most often), and the events were not tried again.',
  rate_limited: 'The receiver asked to wait; it was asked again too soon, until the events were forgotten.',
  oversize: 'Events above a size are refused, and are not tried again.',
  poison: 'One kind of event fails always while its neighbours arrive.',
  acknowledged_unprocessed: 'The receiver answered that it had the event, and never processed it.',
  unknown: 'Nothing in the log explains these.',
};

export const verdictTexts: Readonly<Record<Verdict, string>> = {
  delivered: 'delivered',
  late: 'delivered late',
  given_up: 'given up and recorded',
  silently_dropped: 'silently dropped',
  unresolved: 'not decided yet when the log ends',
  acknowledged_unprocessed: 'acknowledged, but not processed',
};
