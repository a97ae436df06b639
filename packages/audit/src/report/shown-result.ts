import { withShownPaths } from 'posthorn/report';
import type { AuditResult, EndpointFigures } from '../result.ts';

/** SQL of an endpoint for output files: the same as `withShownPaths`, for a text that is only a URL or a path. */
export const shownEndpointSql = `case when endpoint like '%/%' then regexp_replace(
  regexp_replace(endpoint, '[?#].*$', '', 's'), '^([A-Za-z][A-Za-z0-9+.-]*://)[^/]*@', '\\1') else endpoint end`;

const shown = <T extends string | null>(text: T): T => (text === null ? text : (withShownPaths(text) as T));

/** Removes the secrets in URLs from the result: queries, fragments, user names and passwords. */
export function shownResult(result: AuditResult): AuditResult {
  const { coverage, causes, endpoints, examples, missing } = result;
  return {
    ...result,
    coverage: {
      ...coverage,
      malformed: {
        ...coverage.malformed,
        samples: coverage.malformed.samples.map((one) => ({ ...one, text: shown(one.text) })),
      },
      unusable: coverage.unusable.map((one) => ({ ...one, sample: shown(one.sample) })),
    },
    causes: causes.map((one) => ({
      ...one,
      evidence: shown(one.evidence),
      where:
        one.where.endpoint === undefined ? one.where : { ...one.where, endpoint: shown(one.where.endpoint) },
    })),
    endpoints: merged(endpoints.map((one) => ({ ...one, endpoint: shown(one.endpoint) }))),
    examples: examples.map((one) => ({
      ...one,
      endpoint: shown(one.endpoint),
      attempts: one.attempts.map((attempt) => ({ ...attempt, error: shown(attempt.error) })),
    })),
    missing: {
      ...missing,
      listed: missing.listed.map((one) => ({ ...one, endpoint: shown(one.endpoint) })),
    },
  };
}

/** Merges endpoints that differ only in their query into one row. */
function merged(rows: readonly EndpointFigures[]): EndpointFigures[] {
  return [...Map.groupBy(rows, ({ endpoint }) => endpoint).values()].map((same) =>
    same.reduce((sum, one) => ({
      endpoint: sum.endpoint,
      events: sum.events + one.events,
      attempts: sum.attempts + one.attempts,
      failed_attempts: sum.failed_attempts + one.failed_attempts,
      silently_dropped: sum.silently_dropped + one.silently_dropped,
      given_up: sum.given_up + one.given_up,
    })),
  );
}
