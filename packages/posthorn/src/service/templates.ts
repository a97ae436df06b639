import type { Answer } from '../contract/table.ts';
import { defaultRetryPolicy } from '../domain/retry-policy.ts';
import {
  builtInTemplates,
  type StoredTemplate,
  type Template,
  type TemplateDocument,
} from '../domain/template.ts';
import { everyEndpoint } from '../store/every-endpoint.ts';
import type { Store } from '../store/store.ts';
import { auditEntries } from './audit.ts';
import { deleteDocument, documentBy, missingDocument } from './declared.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { fingerprint } from './fingerprint.ts';
import type { Handlers, Of } from './handler.ts';
import { toPage } from './paging.ts';
import { retryFrom } from './retry.ts';
import { followTemplates } from './template-follow.ts';
import { wireRetry } from './wire.ts';

/** Templates, each with a version whose content never changes; endpoints follow them. */
export function templateService(deps: ServiceDependencies): Handlers<Of<'templates'>> {
  const { store, config, clock } = deps;
  return {
    'templates.list': async ({ query }) => {
      const stored = await store.read.documents('template');
      const replaced = new Set(stored.map(({ name }) => name));
      const items = [
        ...stored.map(({ document }) => wireTemplate(document)),
        ...builtInTemplates.filter(({ name }) => !replaced.has(name)).map(wireBuiltIn),
      ];
      return toPage(items, query, ({ built_in: builtIn, name }) => [builtIn ? 1 : 0, name]);
    },

    'templates.get': async ({ params: { name } }) => {
      const stored = await documentBy(store.read, 'template', name);
      if (stored !== null) return wireTemplate(stored);
      const builtIn = builtInNamed(name);
      if (builtIn === undefined) throw missingDocument('template');
      return wireBuiltIn(builtIn);
    },

    'templates.put': async ({ params: { name }, body: document }, call) => {
      const { answer } = await config.change(async () => {
        const stored = await documentBy(store.read, 'template', name);
        // An identical document creates no new version.
        if (stored !== null && fingerprint(stored.document) === fingerprint(document))
          return { write: null, answer: stored };
        const version = await nextVersion(store, name, stored);
        const made: StoredTemplate = { document, template: toTemplate(name, version, document) };
        const now = clock.now();
        const audit = auditEntries(call, now, {
          action: 'templates.put',
          target: { kind: 'template', id: name },
          tenant: null,
          before: stored === null ? null : wireTemplate(stored),
          after: wireTemplate(made),
        });
        return {
          write: {
            now,
            audit,
            putDocuments: [
              { kind: 'template' as const, name, document: made },
              { kind: 'template_version' as const, name, document: { version } },
            ],
          },
          answer: made,
        };
      });
      // Endpoints are also updated to a template that was stored before, if a crash left some behind.
      await followTemplates(deps, { by: call, action: 'templates.put' });
      return wireTemplate(answer);
    },

    'templates.delete': async ({ params: { name } }, by) => {
      const action = 'templates.delete';
      await deleteDocument(deps, {
        kind: 'template',
        name,
        by,
        action,
        shown: ({ document }) => wireTemplate(document),
        inUse: () => templateUse(store, name),
      });
      // Without its document a built-in template is what it was.
      await followTemplates(deps, { by, action });
    },
  };
}

const builtInNamed = (name: string): Template | undefined =>
  builtInTemplates.find((template) => template.name === name);

/** The content of a version number never changes, even if the template was deleted in between. */
async function nextVersion(store: Store, name: string, stored: StoredTemplate | null): Promise<number> {
  const highest = await documentBy(store.read, 'template_version', name);
  const versions = [highest?.version, stored?.template.version, builtInNamed(name)?.version];
  return 1 + Math.max(0, ...versions.filter((version) => version !== undefined));
}

/** What follows or names the template, and must be changed before it can be deleted; or null. */
async function templateUse(store: Store, name: string): Promise<string | null> {
  if (builtInNamed(name) !== undefined) return null;
  for await (const { id, template } of everyEndpoint(store.read))
    if (template === name)
      return `The endpoint ${id} follows this template. Set another template for it first.`;
  const type = (await store.read.documents('event_type')).find(({ document }) => document.template === name);
  return type === undefined ? null : `The event type ${type.name} names this template. Change it first.`;
}

/** The fields of a declared template, with defaults. */
function toTemplate(name: string, version: number, document: TemplateDocument): Template {
  return {
    name,
    version,
    description: document.description,
    timeoutMs: document.timeout_ms,
    deliverWithinMs: document.deliver_within_s * 1000,
    retry: document.retry === undefined ? defaultRetryPolicy : retryFrom(document.retry),
    deadLetterSeverity: document.dead_letter_alert.severity,
    slo: document.slo === null ? null : { target: document.slo.target, windowDays: document.slo.window_days },
  };
}

function wireTemplate({ document, template: { name, version } }: StoredTemplate): Answer<'templates.get'> {
  return { name, version, built_in: false, fingerprint: fingerprint(document), ...document };
}

function wireBuiltIn(template: Template): Answer<'templates.get'> {
  const document: TemplateDocument = {
    description: template.description,
    timeout_ms: template.timeoutMs,
    deliver_within_s: template.deliverWithinMs / 1000,
    retry: wireRetry(template.retry),
    dead_letter_alert: { severity: template.deadLetterSeverity },
    slo: template.slo === null ? null : { target: template.slo.target, window_days: template.slo.windowDays },
  };
  return { ...wireTemplate({ document, template }), built_in: true };
}
