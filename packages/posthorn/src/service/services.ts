import type { ServiceDependencies } from './dependencies.ts';
import type { Handlers } from './handler.ts';
import { redriveService } from './redrives.ts';

/** Every use case, by its operation. */
export function createServices(deps: ServiceDependencies): Handlers {
  return {
    ...redriveService(deps),
  };
}
