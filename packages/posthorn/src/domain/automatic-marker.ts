import { alertTenant } from './alert.ts';
import type { AuditEntry } from './audit-entry.ts';
import type { Marker } from './marker.ts';

/** A marker without its id. */
export type AutomaticMarker = Omit<Marker, 'id'>;

const maxLabelLength = 120;

/**
 * The marker that a change of the configuration leaves for charts; null: deliveries go on as before. It is made from the change's
 * entry in the audit log, so that nothing which is worth a marker can happen without one.
 */
export function automaticMarker({
  at,
  actor,
  action,
  target,
  tenant,
  before,
  after,
}: AuditEntry): AutomaticMarker | null {
  if (tenant === alertTenant) return null;
  const [was, is] = [asFields(before), asFields(after)];
  const label =
    target.kind === 'endpoint'
      ? endpointLabel(was, is)
      : target.kind === 'template'
        ? templateLabel(target.id, was, is)
        : action === 'redrives.create' || action === 'replays.create'
          ? jobLabel(action, is)
          : null;
  if (label === null) return null;
  return {
    at,
    kind: 'change',
    label: label.slice(0, maxLabelLength),
    url: null,
    by: actor.name,
    isAutomatic: true,
    tenant,
    subject: target,
  };
}

/** The marker of a start with another version than the last start had. */
export function versionMarker(from: string, to: string, at: number): AutomaticMarker {
  return {
    at,
    kind: 'deploy',
    label: `Posthorn ${to}, before it ${from}`,
    url: null,
    by: 'Posthorn',
    isAutomatic: true,
    tenant: null,
    subject: null,
  };
}

type Fields = Readonly<Record<string, unknown>>;

function asFields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function endpointLabel(was: Fields, is: Fields): string | null {
  const host = hostIn(is) ?? hostIn(was);
  if (host === null) return null;
  if (was['enabled'] === true && is['enabled'] === false) {
    const reason = is['paused_reason'];
    return `${host} paused${typeof reason === 'string' ? `: ${reason}` : ''}`;
  }
  if (was['enabled'] === false && is['enabled'] === true) return `${host} resumed`;
  const template = is['template'];
  if (was['template'] === undefined || typeof template !== 'string' || was['template'] === template)
    return null;
  return `${host} follows the template ${template}`;
}

/** A template that no endpoint could follow yet changes nothing. */
function templateLabel(name: string, was: Fields, is: Fields): string | null {
  const version = is['version'];
  if (typeof version === 'number') return version === 1 ? null : `Template ${name}, version ${version}`;
  return was['version'] === undefined ? null : `Template ${name} deleted`;
}

function jobLabel(action: 'redrives.create' | 'replays.create', is: Fields): string | null {
  if (is['dry_run'] === true) return null;
  const kind = action === 'redrives.create' ? 'Redrive' : 'Replay';
  const { name, matched } = is;
  if (typeof name === 'string') return `${kind}: ${name}`;
  return typeof matched === 'number' && matched > 0
    ? `${kind} of ${matched.toLocaleString('en')} deliveries`
    : `${kind} in bulk`;
}

/** An endpoint as answers show it has a URL; what Posthorn pauses by itself is shown by its host. */
function hostIn({ url, host }: Fields): string | null {
  if (typeof host === 'string') return host;
  return typeof url === 'string' && URL.canParse(url) ? new URL(url).host : null;
}
