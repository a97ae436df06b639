export { openTelemetryTracing } from '../tracing/open-telemetry.ts';
