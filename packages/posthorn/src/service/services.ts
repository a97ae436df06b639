import { accountingService } from './accounting.ts';
import { conformanceService } from './conformance.ts';
import type { ServiceDependencies } from './dependencies.ts';
import type { Handlers } from './handler.ts';
import { nodeService } from './nodes.ts';
import { redriveService } from './redrives.ts';
import { serviceService } from './service.ts';
import { sloStatusService } from './slo-status.ts';

/** Every use case, by its operation. */
export function createServices(deps: ServiceDependencies): Handlers {
  return {
    ...redriveService(deps),
    ...accountingService(deps),
    ...sloStatusService(deps),
    ...conformanceService(deps),
    ...nodeService(deps),
    ...serviceService(deps),
  };
}
