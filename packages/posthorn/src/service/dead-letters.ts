import type { Answer } from '../contract/table.ts';
import { invalid, notFound } from '../domain/errors.ts';
import { deliveryId } from '../domain/ids.ts';
import { frequentMessage } from '../domain/message-key.ts';
import { dayMs, iso, isoOrNull } from '../domain/time.ts';
import type { DroppedGroup, DroppedState, Snooze } from '../store/dead-letters.ts';
import type { PayloadAccess } from '../domain/caller.ts';
import { auditEntry } from './audit.ts';
import { droppedGroupId, groupNamed, isSnoozed, worthPosition } from './dropped-groups.ts';
import { tenantsFrom } from './delivery-filter.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { endpointIdsFrom } from './endpoint-ref.ts';
import type { Handlers, Of } from './handler.ts';
import { toPage } from './paging.ts';
import { shownMessage, shownText } from './payloads.ts';
import { wireMoney } from './wire.ts';

type WireGroup = Answer<'deadLetters.list'>['items'][number];

const maxSnoozeMs = 30 * dayMs;

type DeadLetterDependencies = Pick<ServiceDependencies, 'store' | 'clock' | 'retention'>;

/** Shows groups of dead letters as answers do. */
type ShowGroups = (groups: readonly DroppedGroup[], payloads: PayloadAccess) => Promise<readonly WireGroup[]>;

/** Dead letters and suppressed deliveries, grouped by endpoint and failure; groups may be snoozed. */
export function deadLetterService(deps: DeadLetterDependencies): Handlers<Of<'deadLetters'>> {
  const shown = showGroups(deps);
  return { 'deadLetters.list': listGroups(deps, shown), ...snoozing(deps, shown) };
}

function showGroups({ store, clock, retention }: DeadLetterDependencies): ShowGroups {
  /** Endpoints that fail now, whatever they have accepted before. */
  const failingAmong = async (groups: readonly DroppedGroup[]): Promise<ReadonlySet<string>> => {
    const recovering = groups.filter(({ deliveredSince }) => deliveredSince > 0);
    const ids = [...new Set(recovering.map(({ endpoint }) => endpoint.id))];
    const health = ids.length === 0 ? [] : await store.read.receiverHealth(ids, clock.now());
    const failing = health.filter(
      ({ openSince, failingSince }) => openSince !== null || failingSince !== null,
    );
    return new Set(failing.map(({ endpointId }) => endpointId));
  };

  return async (groups, payloads) => {
    const failing = await failingAmong(groups);
    const snoozes = new Map(
      (await store.read.snoozes(clock.now())).map((snooze) => [snooze.groupId, snooze]),
    );
    return groups.map((group) =>
      wireGroup(group, {
        payloads,
        retention,
        isFailing: failing.has(group.endpoint.id),
        snooze: snoozes.get(droppedGroupId(group)),
      }),
    );
  };
}

function listGroups(
  { store }: DeadLetterDependencies,
  shown: ShowGroups,
): Handlers<'deadLetters.list'>['deadLetters.list'] {
  return async (
    {
      query: {
        tenant,
        endpoint_id: references,
        owner: owners,
        state: states = ['dead'],
        since,
        until,
        ...page
      },
    },
    { caller },
  ) => {
    const { groups, rowsRead, hasMore } = await store.read.droppedGroups({
      ...tenantsFrom(tenant, references !== undefined),
      ...(references === undefined
        ? {}
        : { endpointIds: await endpointIdsFrom(store.read, references, tenant) }),
      ...(owners === undefined ? {} : { owners }),
      ...(since === undefined ? {} : { since: Date.parse(since) }),
      ...(until === undefined ? {} : { until: Date.parse(until) }),
      states,
    });
    const { items, next_cursor: next } = toPage(groups, page, worthPosition(groups), 'desc');
    return {
      items: await shown(items, caller.payloads),
      next_cursor: next,
      rows_read: rowsRead,
      complete: !hasMore && !groups.some(({ isPartial }) => isPartial),
    };
  };
}

function snoozing(
  { store, clock }: DeadLetterDependencies,
  shown: ShowGroups,
): Handlers<'deadLetters.snooze' | 'deadLetters.wake'> {
  const find = async (id: string): Promise<DroppedGroup> => {
    const named = groupNamed(id);
    const { groups } =
      named === null
        ? { groups: [] }
        : await store.read.droppedGroups({ states: [named.state], endpointIds: [named.endpointId] });
    const group = groups.find((one) => droppedGroupId(one) === id);
    if (group === undefined) throw notFound('group of dead letters by that id');
    return group;
  };

  return {
    'deadLetters.snooze': async ({ params: { id }, body }, call) => {
      const now = clock.now();
      const until = Date.parse(body.until);
      if (until <= now || until > now + maxSnoozeMs)
        throw invalid('/until', 'must be in the future, and at most 30 days from now');
      const group = await find(id);
      const { kind, id: by, name } = call.caller;
      const untilCount = body.or_doubled ? group.count * 2 : null;
      await store.write.saveSnooze(
        { groupId: id, until, untilCount, reason: body.reason, by: { kind, id: by, name }, at: now },
        auditEntry(call, now, {
          action: 'deadLetters.snooze',
          target: { kind: 'dead_letters', id },
          tenant: group.endpoint.tenant,
          after: { until: iso(until), until_count: untilCount, reason: body.reason },
        }),
      );
      return (await shown([group], call.caller.payloads))[0]!;
    },

    'deadLetters.wake': async ({ params: { id } }, call) => {
      const group = await find(id);
      await store.write.deleteSnooze(
        id,
        auditEntry(call, clock.now(), {
          action: 'deadLetters.wake',
          target: { kind: 'dead_letters', id },
          tenant: group.endpoint.tenant,
          before: { snoozed: true },
        }),
      );
      return (await shown([group], call.caller.payloads))[0]!;
    },
  };
}

interface Around {
  readonly payloads: PayloadAccess;
  readonly retention: ServiceDependencies['retention'];
  readonly isFailing: boolean;
  readonly snooze: Snooze | undefined;
}

function wireGroup(group: DroppedGroup, { payloads, retention, isFailing, snooze }: Around): WireGroup {
  const { endpoint, state, deliveredSince, newestAt, oldestPrunableAt } = group;
  const keptMs: Record<DroppedState, number> = { dead: retention.deadMs, suppressed: retention.settledMs };
  const active = snooze !== undefined && isSnoozed(snooze, group) ? snooze : null;
  return {
    group_id: droppedGroupId(group),
    state,
    endpoint_id: endpoint.id,
    endpoint_name: endpoint.name,
    host: URL.parse(endpoint.url)?.host ?? '',
    owner: endpoint.owner,
    enabled: endpoint.enabled,
    deleted: endpoint.isDeleted,
    error_class: group.errorClass,
    status_code: group.statusCode,
    message: frequentMessage(
      group.messages.map(({ message, excerpt, count }) => ({
        text: firstLine(shownText(excerpt, payloads)) || (shownMessage(message, payloads) ?? ''),
        count,
      })),
    ),
    count: group.count,
    partial: group.isPartial,
    blocked_keys: group.blockedKeys,
    oldest_at: iso(group.oldestAt),
    newest_at: iso(newestAt),
    deleted_from: isoOrNull(oldestPrunableAt === null ? null : oldestPrunableAt + keptMs[state]),
    sample_id: deliveryId(group.sample),
    value_at_risk: group.value.map(wireMoney),
    recovered: deliveredSince === 0 || isFailing ? null : { since: iso(newestAt), successes: deliveredSince },
    snoozed_until: isoOrNull(active?.until ?? null),
    snooze:
      active === null
        ? null
        : {
            until_count: active.untilCount,
            reason: active.reason,
            by: active.by.name,
            at: iso(active.at),
          },
  };
}

/** The message of an HTML page is not on its first line. */
function firstLine(excerpt: string | null): string {
  const text = excerpt?.trim() ?? '';
  return text.startsWith('<') ? '' : (text.split(/\r?\n/, 1)[0] ?? '');
}
