import { hash } from 'node:crypto';
import { openApiFrom } from '../contract/openapi.ts';
import { table } from '../contract/table.ts';
import type { Answer } from '../contract/table.ts';
import type { ClockStatus } from '../domain/clock-record.ts';
import { errorCodes, notFound } from '../domain/errors.ts';
import { publishedKeys } from '../domain/signing-keys.ts';
import { iso } from '../domain/time.ts';
import { atMostEvery } from './at-most-every.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { errorPage } from './error-page.ts';
import { wirePublicKeys } from './signing-keys.ts';
import { type Handlers, type Of, Reply } from './handler.ts';

/** Scrapers of several systems get the same text. */
const metricsFreshMs = 1000;

/** Health, metrics, and what explains the API. */
export function serviceService(deps: ServiceDependencies): Handlers<Of<'service'>> {
  const { engine, clock, version } = deps;
  const renderMetrics = atMostEvery(clock, metricsFreshMs, async () =>
    Buffer.from(await deps.renderMetrics()),
  );
  // Computed once, because anyone may request it.
  let document: { readonly body: Buffer; readonly etag: string } | null = null;

  return {
    'service.health': async () => ({ status: 'ok', version }),

    'service.ready': async () => {
      const { ready, storeFault, inFlight, buffered, clock: time, locked } = engine.status();
      return new Reply<Answer<'service.ready'>>(
        {
          status: ready ? 'ready' : 'not ready',
          in_flight: inFlight,
          buffered,
          ...(storeFault === null ? {} : { store_fault: storeFault }),
          ...(locked.count === 0 ? {} : { locked_endpoints: locked.count }),
          clock: wireClock(time),
        },
        { other: !ready },
      );
    },

    'service.publicKeys': async ({ params: { id } }) => {
      const keys = publishedKeys(engine.publicKeys(id), clock.now());
      if (keys.length === 0) throw notFound('key set by that id');
      return wirePublicKeys(keys);
    },

    'service.metrics': async () => new Reply<string>(await renderMetrics()),

    'service.openapi': async () => {
      if (document === null) {
        const text = JSON.stringify(openApiFrom(table, version));
        document = { body: Buffer.from(text), etag: `"${hash('sha256', text).slice(0, 32)}"` };
      }
      return new Reply<Answer<'service.openapi'>>(document.body, { etag: document.etag });
    },

    'service.error': async ({ params }) => {
      const code = errorCodes.find((one) => one === params.code);
      if (code === undefined) throw notFound('error by that code');
      return new Reply(errorPage(code));
    },
  };
}

/** A clock that has jumped does not prevent accepting: it is reported, and `ready` does not change. */
function wireClock({ jump, doubtedMs, believedInMs }: ClockStatus): Answer<'service.ready'>['clock'] {
  return {
    state: doubtedMs > 0 ? 'doubted' : jump === null ? 'ok' : 'jumped',
    ...(jump === null ? {} : { jumped_at: iso(jump.at), jumped_by_s: Math.round(jump.byMs / 1000) }),
    ...(doubtedMs > 0
      ? {
          ahead_of_lived_time_s: Math.round(doubtedMs / 1000),
          believed_in_s: Math.round(believedInMs / 1000),
        }
      : {}),
  };
}
