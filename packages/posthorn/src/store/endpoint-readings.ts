import type { EndpointEvidenceReadings } from './endpoint-evidence.ts';
import type { EndpointFigureReadings } from './endpoint-figures.ts';

/** What pages about endpoints read: each reading is bounded for each endpoint. */
export interface EndpointReadings extends EndpointFigureReadings, EndpointEvidenceReadings {}
