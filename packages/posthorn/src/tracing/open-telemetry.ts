import {
  type Attributes,
  createTraceState,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type SpanContext,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import { alertTenant } from '../domain/alert.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { deliveryId } from '../domain/ids.ts';
import type { TraceContext } from '../domain/trace.ts';
import type { Tracing } from '../engine/tracing.ts';
import type { Settlement } from '../store/store.ts';
import type { AttemptResult } from '../transport/transport.ts';

const system = 'posthorn';

function remote({ traceId, spanId, flags, state }: TraceContext): SpanContext {
  return {
    traceId,
    spanId,
    traceFlags: flags,
    isRemote: true,
    ...(state === null ? {} : { traceState: createTraceState(state) }),
  };
}

/** The span context, with the trace state that the publisher's tracing system wants to be passed on. */
function toTraceContext(span: Span, parent: TraceContext | null): TraceContext {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return { traceId, spanId, flags: traceFlags, state: parent?.state ?? null };
}

/** Where a request goes, without what may be secret: no credentials, no query, and for a channel no path. */
function addressAttributes(endpoint: Endpoint): Attributes {
  const url = URL.parse(endpoint.url);
  if (url === null) return {};
  const { protocol, hostname, port, origin, pathname } = url;
  const usual = protocol === 'http:' ? 80 : 443;
  return {
    'server.address': hostname,
    'server.port': port === '' ? usual : Number(port),
    'url.full': endpoint.tenant === alertTenant ? `${protocol}//${hostname}` : `${origin}${pathname}`,
  };
}

function messageAttributes(
  operation: 'create' | 'send' | 'settle',
  eventType: string,
  eventId: string,
): Attributes {
  return {
    'messaging.system': system,
    'messaging.operation.name': operation,
    'messaging.operation.type': operation,
    'messaging.destination.name': eventType,
    'messaging.message.id': eventId,
  };
}

/**
 * Spans by OpenTelemetry's semantic conventions: a PRODUCER for each accepted event, a CLIENT for each attempt (a new
 * one each time, never a resend count), and a CLIENT for each outcome until it is on disk. An attempt belongs to its
 * event's trace if the publisher sent one, and is linked to the accept; else it starts a trace.
 */
export function openTelemetryTracing(tracer: Tracer): Tracing {
  const begin = spanStarter(tracer);
  return { accept: traceAccept(begin), ...traceAttempts(begin) };
}

interface SpanStart {
  readonly name: string;
  readonly kind: SpanKind;
  readonly parent: TraceContext | null;
  readonly isLinked: boolean;
}

// Most spans of a busy sender are not sampled: attributes are built only for those that are.
type StartSpan = (start: SpanStart, attributes: () => Attributes) => Span;

function spanStarter(tracer: Tracer): StartSpan {
  return ({ name, kind, parent, isLinked }, attributes) => {
    if (parent === null) return describe(tracer.startSpan(name, { kind }, ROOT_CONTEXT), attributes);
    const context = remote(parent);
    const options = isLinked ? { kind, links: [{ context }] } : { kind };
    return describe(tracer.startSpan(name, options, trace.setSpanContext(ROOT_CONTEXT, context)), attributes);
  };
}

function traceAccept(begin: StartSpan): Tracing['accept'] {
  return (event, parent) => {
    const span = begin(
      { name: `create ${event.type}`, kind: SpanKind.PRODUCER, parent, isLinked: false },
      () => ({
        ...messageAttributes('create', event.type, event.id),
        'messaging.message.body.size': Buffer.byteLength(event.data),
        'posthorn.tenant': event.tenant,
      }),
    );
    return {
      context: toTraceContext(span, parent),
      end: (error) => {
        if (error !== null) {
          span.setAttribute('error.type', error.name);
          span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
        }
        span.end();
      },
    };
  };
}

/** Attempts, and their outcomes until they are on disk. */
function traceAttempts(begin: StartSpan): Omit<Tracing, 'accept'> {
  const addresses = new WeakMap<Endpoint, Attributes>();
  const settling = new WeakMap<Settlement, Span>();
  const messages = new WeakMap<TraceContext, readonly [type: string, id: string]>();
  const addressOnce = (endpoint: Endpoint): Attributes => {
    let address = addresses.get(endpoint);
    if (address === undefined) addresses.set(endpoint, (address = addressAttributes(endpoint)));
    return address;
  };

  return {
    attempt: (delivery, endpoint, accepted) => {
      const { eventType, eventId } = delivery;
      const span = begin(
        { name: `send ${eventType}`, kind: SpanKind.CLIENT, parent: accepted, isLinked: true },
        () => ({
          ...messageAttributes('send', eventType, eventId),
          ...addressOnce(endpoint),
          'http.request.method': 'POST',
          'posthorn.tenant': endpoint.tenant,
          'posthorn.endpoint.id': endpoint.id,
          'posthorn.delivery.id': deliveryId(delivery.number),
          'posthorn.attempt': delivery.claim,
          'posthorn.attempt.trigger': delivery.trigger,
        }),
      );
      const context = toTraceContext(span, accepted);
      if (span.isRecording()) messages.set(context, [eventType, eventId]);
      return { context, end: (result) => endAttempt(span, result) };
    },

    settling: (settlement, attempt) => {
      const message = messages.get(attempt);
      // Its attempt is not recorded.
      if (message === undefined) return;
      const [type, id] = message;
      const span = begin(
        { name: `settle ${type}`, kind: SpanKind.CLIENT, parent: attempt, isLinked: false },
        () => ({
          ...messageAttributes('settle', type, id),
          'posthorn.delivery.id': deliveryId(settlement.number),
          'posthorn.delivery.state': settlement.state,
        }),
      );
      settling.set(settlement, span);
    },

    settled: (settlement, answer) => {
      const span = settling.get(settlement);
      if (span === undefined) return;
      // Another attempt had settled the delivery: stored as superseded, and nothing else has changed (G3).
      span.setAttribute('posthorn.superseded', answer === 'superseded');
      span.end();
    },
  };
}

function describe(span: Span, attributes: () => Attributes): Span {
  return span.isRecording() ? span.setAttributes(attributes()) : span;
}

function endAttempt(span: Span, { statusCode, errorClass, message }: AttemptResult): void {
  if (statusCode !== null) span.setAttribute('http.response.status_code', statusCode);
  if (errorClass !== null) {
    span.setAttribute(
      'error.type',
      statusCode !== null && statusCode >= 300 ? String(statusCode) : errorClass,
    );
    span.setAttribute('posthorn.error_class', errorClass);
    span.setStatus({ code: SpanStatusCode.ERROR, ...(message === null ? {} : { message }) });
  }
  span.end();
}
