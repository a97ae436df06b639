import { accountingOperations } from './accounting.ts';
import { auditLogOperations } from './audit-log.ts';
import { blockedKeyOperations } from './blocked-keys.ts';
import { conformanceOperations } from './conformance.ts';
import { filterOperations } from './filters.ts';
import { nodeOperations } from './nodes.ts';
import { nowOperations } from './now.ts';
import { nowPastOperations } from './now-past.ts';
import { deadLetterOperations } from './dead-letters.ts';
import { deliveryOperations } from './deliveries.ts';
import { deliveryRequestOperations } from './delivery-request.ts';
import { eventOperations } from './events.ts';
import type { AnswerOf, InputOf, LineOf, Operation } from './operation.ts';
import { alertOperations } from './alerts.ts';
import { attemptOperations } from './attempts.ts';
import { eventImportOperations } from './event-import.ts';
import { eventListOperations } from './event-list.ts';
import { searchOperations } from './search.ts';
import { channelOperations } from './channels.ts';
import { endpointCheckOperations } from './endpoint-check.ts';
import { endpointHealthOperations } from './endpoint-health.ts';
import { endpointTestOperations } from './endpoint-test.ts';
import { endpointOperations } from './endpoints.ts';
import { eventTypeOperations } from './event-types.ts';
import { keyOperations } from './keys.ts';
import { reconcileOperations } from './reconcile.ts';
import { redriveOperations } from './redrives.ts';
import { replayOperations } from './replays.ts';
import { secretOperations } from './secrets.ts';
import { seriesOperations } from './series.ts';
import { serviceOperations } from './service.ts';
import { impactOperations } from './impact.ts';
import { markerOperations } from './markers.ts';
import { sessionOperations } from './sessions.ts';
import { sloHistoryOperations } from './slo-history.ts';
import { sloStatusOperations } from './slo-status.ts';
import { sloOperations } from './slos.ts';
import { streamOperations } from './stream.ts';
import { teamOverviewOperations } from './team-overview.ts';
import { teamOperations } from './teams.ts';
import { templateOperations } from './templates.ts';
import { transformationOperations } from './transformations.ts';
import { tenantOperations } from './tenants.ts';

/** Every operation of the API. Routes, validation, OpenAPI, the client, the library and the reference are derived from it. */
export const table = {
  ...eventOperations,
  ...eventImportOperations,
  ...eventListOperations,
  ...attemptOperations,
  ...searchOperations,
  ...deliveryOperations,
  ...deliveryRequestOperations,
  ...blockedKeyOperations,
  ...deadLetterOperations,
  ...endpointOperations,
  ...endpointCheckOperations,
  ...endpointTestOperations,
  ...endpointHealthOperations,
  ...redriveOperations,
  ...replayOperations,
  ...accountingOperations,
  ...seriesOperations,
  ...reconcileOperations,
  ...streamOperations,
  ...nowOperations,
  ...nowPastOperations,
  ...sloStatusOperations,
  ...sloHistoryOperations,
  ...conformanceOperations,
  ...nodeOperations,
  ...serviceOperations,
  ...sessionOperations,
  ...markerOperations,
  ...impactOperations,
  ...alertOperations,
  ...channelOperations,
  ...teamOperations,
  ...teamOverviewOperations,
  ...tenantOperations,
  ...templateOperations,
  ...filterOperations,
  ...transformationOperations,
  ...eventTypeOperations,
  ...sloOperations,
  ...keyOperations,
  ...auditLogOperations,
  ...secretOperations,
} as const satisfies Readonly<Record<string, Operation>>;

export type OperationId = keyof typeof table;
export type Input<Id extends OperationId> = InputOf<(typeof table)[Id]>;
export type Line<Id extends OperationId> = LineOf<(typeof table)[Id]>;
export type Answer<Id extends OperationId> = AnswerOf<(typeof table)[Id]>;
