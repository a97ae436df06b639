import { isDeepStrictEqual } from 'node:util';
import type { Answer } from '../contract/table.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { endpointChange } from './audit.ts';
import { wireEndpoint } from './endpoint-shown.ts';

type Preview = NonNullable<Answer<'endpoints.ensure'>['dry_run']>;

/**
 * What a request would do to an endpoint: the current and the new value of each field. For write-only fields it only
 * says that they change.
 */
export function endpointPreview(before: Endpoint | undefined, after: Endpoint): Preview {
  if (before === undefined) return { action: 'create', changes: [] };
  const sides = endpointChange(before, after, wireEndpoint);
  const was = asFields(sides.before);
  const { write_only_changed: writeOnly, ...is } = asFields(sides.after);
  const changes = [
    ...Object.keys(is)
      .filter((field) => !isDeepStrictEqual(was[field], is[field]))
      .map((field) => ({ field, before: was[field] ?? null, after: is[field] ?? null })),
    ...(Array.isArray(writeOnly) ? writeOnly : []).map((field: string) => ({
      field,
      before: null,
      after: null,
    })),
  ];
  // A new version of a template alone does not change what was declared.
  return { action: changes.length === 0 ? 'keep' : 'change', changes };
}

const asFields = (value: unknown): Readonly<Record<string, unknown>> => ({ ...(value as object) });
