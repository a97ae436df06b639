import { alertTenant } from './alert.ts';
import { type Endpoint, subscribes } from './endpoint.ts';
import type { Template } from './template.ts';
import { dayMs } from './time.ts';

/** An objective as it is declared, and stored. */
export interface SloDocument {
  readonly description: string;
  readonly objective: 'delivered_within' | 'accounted';
  readonly target: number;
  readonly window_days: number;
  readonly event_types: readonly string[];
  readonly tenant?: string | undefined;
  readonly endpoint_ids: readonly string[];
  readonly producer: string;
  readonly consumer: string;
}

/** A declared objective and its name. */
export interface NamedSlo extends SloDocument {
  readonly name: string;
}

/** An objective and the endpoints of which it speaks. */
export interface ScopedObjective {
  /** Its own name; where a template says it, the id of the endpoint that follows. */
  readonly name: string;
  readonly kind: SloDocument['objective'];
  readonly target: number;
  readonly windowMs: number;
  readonly eventTypes: readonly string[];
  readonly endpoints: readonly Endpoint[];
  /** The team that sends; null where a template speaks for one endpoint. */
  readonly producer: string | null;
  /** The team that receives. */
  readonly consumer: string | null;
  /** The template that says it, or null where it was declared by itself. */
  readonly template: string | null;
}

/** Whether two lists of types, with trailing wildcards, have any type in common. */
function overlap(a: readonly string[], b: readonly string[]): boolean {
  const stem = (pattern: string): string => pattern.replace(/\.\*$/, '.x');
  return (
    a.includes('*') ||
    b.includes('*') ||
    a.some((pattern) => subscribes(b, stem(pattern))) ||
    b.some((pattern) => subscribes(a, stem(pattern)))
  );
}

/**
 * Every objective that is watched: the declared ones, and one for each endpoint whose template has one.
 * `endpoints` are all that are not deleted.
 */
export function scopeObjectives(
  declared: readonly { readonly name: string; readonly document: SloDocument }[],
  endpoints: readonly Endpoint[],
  templates: ReadonlyMap<string, Template>,
): ScopedObjective[] {
  const own = declared.map(({ name, document }): ScopedObjective => {
    const { tenant, endpoint_ids: ids, event_types: eventTypes } = document;
    return {
      name,
      kind: document.objective,
      target: document.target,
      windowMs: document.window_days * dayMs,
      eventTypes,
      endpoints: endpoints.filter(
        (endpoint) =>
          (ids.length === 0 || ids.includes(endpoint.id)) &&
          (tenant === undefined || endpoint.tenant === tenant) &&
          // Posthorn's own messages are not payments.
          endpoint.tenant !== alertTenant &&
          overlap(eventTypes, endpoint.eventTypes),
      ),
      producer: document.producer,
      consumer: document.consumer,
      template: null,
    };
  });
  const followed = endpoints.flatMap((endpoint): ScopedObjective[] => {
    const slo = endpoint.template === null ? undefined : templates.get(endpoint.template)?.slo;
    if (slo === undefined || slo === null) return [];
    return [
      {
        name: endpoint.id,
        kind: 'delivered_within',
        target: slo.target,
        windowMs: slo.windowDays * dayMs,
        eventTypes: ['*'],
        endpoints: [endpoint],
        producer: null,
        consumer: endpoint.owner,
        template: endpoint.template,
      },
    ];
  });
  return [...own, ...followed];
}
