import type { Tracing } from '../engine/tracing.ts';
import { demandPackages } from './optional-package.ts';
import { CommandError } from './output.ts';

export interface StartedTracing {
  readonly tracing: Tracing;
  /** Sends what is waiting, and nothing afterwards. */
  stop(): Promise<void>;
}

/** Spans that wait for the exporter; beyond this they are dropped, so that a collector cannot delay anything. */
const maxWaiting = 16_384;
/** Not installed with `posthorn`: only traces need them. */
const packages = [
  '@opentelemetry/api',
  '@opentelemetry/exporter-trace-otlp-http',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-trace',
];
const usualSampler = 'parentbased_always_on';

/**
 * Sends traces to an OTLP collector over HTTP, configured by OpenTelemetry's own variables; null if no endpoint is set,
 * and then none of it is even loaded. The exporter itself reads `OTEL_EXPORTER_OTLP_HEADERS`, `_TIMEOUT` and
 * `_COMPRESSION`.
 */
export async function startTracing(
  env: Readonly<Record<string, string | undefined>>,
  service: { readonly version: string; readonly instance: string },
): Promise<StartedTracing | null> {
  const endpoint = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  if (endpoint === undefined || endpoint === '' || env['OTEL_SDK_DISABLED'] === 'true') return null;
  demandPackages(packages, 'OTEL_EXPORTER_OTLP_ENDPOINT', import.meta.url);
  const [sdk, { OTLPTraceExporter }, resources, { openTelemetryTracing }] = await Promise.all([
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
    import('../tracing/open-telemetry.ts'),
  ]);
  const ratio = Number(env['OTEL_TRACES_SAMPLER_ARG'] ?? '1');
  const roots = {
    always_on: () => new sdk.AlwaysOnSampler(),
    always_off: () => new sdk.AlwaysOffSampler(),
    traceidratio: () => new sdk.TraceIdRatioBasedSampler(ratio),
  } as const;
  const named = env['OTEL_TRACES_SAMPLER'] ?? usualSampler;
  const root = roots[named.replace(/^parentbased_/, '') as keyof typeof roots];
  if (root === undefined)
    throw new CommandError(
      `OTEL_TRACES_SAMPLER: ${named} is unknown: use always_on, always_off or traceidratio, also with the prefix parentbased_`,
      2,
    );
  if (!(ratio >= 0 && ratio <= 1)) throw new CommandError('OTEL_TRACES_SAMPLER_ARG: must be from 0 to 1', 2);
  const provider = new sdk.TracerProvider({
    sampler: named.startsWith('parentbased_') ? new sdk.ParentBasedSampler({ root: root() }) : root(),
    // The service attributes of the environment take precedence.
    resource: resources
      .defaultResource()
      .merge(
        resources.resourceFromAttributes({
          'service.name': 'posthorn',
          'service.version': service.version,
          'service.instance.id': service.instance,
        }),
      )
      .merge(resources.detectResources({ detectors: [resources.envDetector] })),
    spanProcessors: [
      new sdk.BatchSpanProcessor({ exporter: new OTLPTraceExporter(), maxQueueSize: maxWaiting }),
    ],
  });
  return {
    tracing: openTelemetryTracing(provider.getTracer('posthorn', service.version)),
    stop: () => provider.shutdown(),
  };
}
