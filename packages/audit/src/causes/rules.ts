import { counterReset } from './counter-reset.ts';
import { endpointOutage } from './endpoint-outage.ts';
import { clientTimeout, dns, rateLimited, tls } from './failures.ts';
import { oversize } from './oversize.ts';
import { poison } from './poison.ts';
import { restartLoss } from './restart-loss.ts';
import { retryRace, staleWrite } from './retry-race.ts';
import type { Rule } from './rule.ts';

/** The signs, each a column of `signs`. If two explain as much, the first one counts: it explains the other. */
export const rules: readonly Rule[] = [
  staleWrite,
  retryRace,
  counterReset,
  oversize,
  restartLoss,
  rateLimited,
  dns,
  tls,
  endpointOutage,
  poison,
  clientTimeout,
];
