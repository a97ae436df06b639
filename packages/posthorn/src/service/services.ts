import { accountingService } from './accounting.ts';
import { blockedKeyService } from './blocked-keys.ts';
import { confined } from './confinement/confinement.ts';
import { createConfinements } from './confinement/table.ts';
import { conformanceService } from './conformance.ts';
import { alertService } from './alerts.ts';
import { attemptService } from './attempts.ts';
import { auditLogService } from './audit-log.ts';
import { channelTestService } from './channel-test.ts';
import { eventImportService } from './event-import.ts';
import { eventListService } from './event-list.ts';
import { searchService } from './search.ts';
import { channelService } from './channels.ts';
import { deadLetterService } from './dead-letters.ts';
import { deliveryService } from './deliveries.ts';
import { deliveryRequestService } from './delivery-request.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { eventTypeService } from './event-types.ts';
import { eventService } from './events.ts';
import { endpointService } from './endpoints.ts';
import type { Handlers } from './handler.ts';
import { keyService } from './keys.ts';
import { filterService } from './filters.ts';
import { nodeService } from './nodes.ts';
import { reconcileService } from './reconcile.ts';
import { nowService } from './now.ts';
import { nowPastService } from './now-past.ts';
import { redriveService } from './redrives.ts';
import { replayService } from './replays.ts';
import { secretService } from './secrets.ts';
import { seriesService } from './series.ts';
import { serviceService } from './service.ts';
import { impactService } from './impact.ts';
import { markerService } from './markers.ts';
import { sessionService } from './sessions.ts';
import { sloHistoryService } from './slo-history.ts';
import { sloStatusService } from './slo-status.ts';
import { sloService } from './slos.ts';
import { streamService } from './stream.ts';
import { teamService } from './teams.ts';
import { templateService } from './templates.ts';
import { transformationService } from './transformations.ts';
import { tenantService } from './tenants.ts';

/** Every use case, by its operation. */
export function createServices(deps: ServiceDependencies): Handlers {
  const services = {
    ...eventService(deps),
    ...eventImportService(deps),
    ...eventListService(deps),
    ...attemptService(deps),
    ...searchService(deps),
    ...deliveryService(deps),
    ...deliveryRequestService(deps),
    ...blockedKeyService(deps),
    ...deadLetterService(deps),
    ...endpointService(deps),
    ...redriveService(deps),
    ...replayService(deps),
    ...accountingService(deps),
    ...seriesService(deps),
    ...reconcileService(deps),
    ...nowService(deps),
    ...nowPastService(deps),
    ...sloStatusService(deps),
    ...sloHistoryService(deps),
    ...conformanceService(deps),
    ...nodeService(deps),
    ...serviceService(deps),
    ...sessionService(deps),
    ...markerService(deps),
    ...impactService(deps),
    ...alertService(deps),
    ...channelService(deps),
    ...channelTestService(deps),
    ...teamService(deps),
    ...tenantService(deps),
    ...templateService(deps),
    ...filterService(deps),
    ...transformationService(deps),
    ...eventTypeService(deps),
    ...sloService(deps),
    ...keyService(deps),
    ...auditLogService(deps),
    ...secretService(deps),
  };
  return { ...services, ...streamService(deps, confined(services, createConfinements(deps.store))) };
}
