import { followed } from '../domain/endpoint.ts';
import { templatesBy } from '../domain/template.ts';
import type { Engine } from '../engine/port.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Store } from '../store/store.ts';
import type { ConfigWriter } from './config-writer.ts';

/** Endpoints brought to their template's version in one transaction. */
const followPage = 200;

/**
 * Brings every endpoint that follows a template to the template's version. What is pending keeps its `due_at`, and its next
 * outcome is judged by the new policy. Run again, after a crash in the middle, it changes what is left. Each page is written
 * only if neither its templates nor its endpoints have changed since they were read. Answers how many it changed.
 */
export async function followTemplates({
  store,
  engine,
  config,
  clock,
}: {
  readonly store: Store;
  readonly engine: Pick<Engine, 'endpointChanged'>;
  readonly config: ConfigWriter;
  readonly clock: Clock;
}): Promise<number> {
  let changed = 0;
  for (let after: string | null = null; ;) {
    const from: string | null = after;
    const { endpoints, answer: page } = await config.change(async () => {
      const now = clock.now();
      const templates = templatesBy(await store.documents('template'));
      const read = await store.endpoints({ after: from, limit: followPage });
      const updateEndpoints = read.flatMap(({ id, template: name, templateVersion, own }) => {
        const template = name === null ? undefined : templates.get(name);
        return template === undefined || templateVersion === template.version
          ? []
          : [{ id, change: { ...followed(template, own), updatedAt: now } }];
      });
      return { write: updateEndpoints.length === 0 ? null : { now, updateEndpoints }, answer: read };
    });
    for (const endpoint of endpoints) engine.endpointChanged(endpoint.id, endpoint);
    changed += endpoints.length;
    if (page.length < followPage) return changed;
    after = page.at(-1)!.id;
  }
}
