import type { OperationId } from '../contract/table.ts';
import { changedEndpoint, followed } from '../domain/endpoint.ts';
import { templatesBy } from '../domain/template.ts';
import type { Engine } from '../engine/port.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Store } from '../store/store.ts';
import { auditEntries, type By, endpointChange } from './audit.ts';
import type { ConfigWriter } from './config-writer.ts';
import { wireEndpoint } from './endpoint-shown.ts';

/** Endpoints per transaction that are updated to their template's version. */
const followPage = 200;

interface Following {
  readonly store: Store;
  readonly engine: Pick<Engine, 'endpointChanged'>;
  readonly config: ConfigWriter;
  readonly clock: Clock;
}

/**
 * Updates every endpoint that follows a template to the template's version. Pending deliveries keep their `due_at`, and
 * their next outcome is handled by the new policy. Safe to repeat after a crash: it changes what is left. Each page is
 * written only if neither its templates nor its endpoints have changed since they were read. Returns how many it
 * changed, each of which has an entry in the audit log. `by` null: Posthorn does it when it starts.
 */
export async function followTemplates(
  { store, engine, config, clock }: Following,
  { by, action }: { readonly by: By | null; readonly action: OperationId } = {
    by: null,
    action: 'templates.put',
  },
): Promise<number> {
  let changed = 0;
  for (let after: string | null = null; ;) {
    const from: string | null = after;
    const { endpoints, answer: page } = await config.change(async () => {
      const now = clock.now();
      const templates = templatesBy(await store.read.documents('template'));
      const read = await store.read.endpoints({ after: from, limit: followPage });
      const changes = read.flatMap((before) => {
        const { template: name, templateVersion, own } = before;
        const template = name === null ? undefined : templates.get(name);
        return template === undefined || templateVersion === template.version
          ? []
          : [{ before, change: { ...followed(template, own), updatedAt: now } }];
      });
      const audit = changes.flatMap(({ before, change }) =>
        auditEntries(by, now, {
          action,
          target: { kind: 'endpoint', id: before.id },
          tenant: before.tenant,
          ...endpointChange(before, changedEndpoint(before, change), wireEndpoint),
        }),
      );
      const updateEndpoints = changes.map(({ before: { id }, change }) => ({ id, change }));
      return { write: updateEndpoints.length === 0 ? null : { now, updateEndpoints, audit }, answer: read };
    });
    for (const endpoint of endpoints) engine.endpointChanged(endpoint.id, endpoint);
    changed += endpoints.length;
    if (page.length < followPage) return changed;
    after = page.at(-1)!.id;
  }
}
