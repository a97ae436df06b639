import { spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  ParentBasedSampler,
  AlwaysOnSampler,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { afterEach, describe, expect, test } from 'vitest';
import { command } from '../bundles.ts';
import { createPosthorn } from '../../packages/posthorn/src/index.ts';
import { openTelemetryTracing } from '../../packages/posthorn/src/tracing/open-telemetry.ts';
import { aReceiver, type Received, tempDir, until } from '../support.ts';
import { requestTo } from './library-http.ts';
import { apiKey } from './serving.ts';
import { createWireClient } from '../wire-client.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const publisherSpan = '00f067aa0ba902b7';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** A Posthorn, and a receiver that fails the first request; answers what the receiver got once it has taken the second. */
async function deliver(
  publisher: Record<string, string>,
  tracing?: ReturnType<typeof openTelemetryTracing>,
): Promise<{ requests: Received[]; eventId: string; endpointId: string }> {
  const receiver = await aReceiver((_, response) =>
    response.writeHead(receiver.requests.length === 1 ? 500 : 200).end(),
  );
  closing.push(receiver.close);
  const posthorn = await createPosthorn({
    database: tempDir(),
    allowPrivateNetworks: true,
    adminKeyHashes: [hash('sha256', apiKey)],
    ...(tracing === undefined ? {} : { tracing }),
  });
  await posthorn.start();
  const url = await posthorn.listen({ host: '127.0.0.1', port: 0 });
  const { body } = await requestTo(posthorn, 'POST', '/v1/endpoints', {
    url: `${receiver.url}?token=geheim`,
    retry: { schedule_s: [0.05] },
  });
  const response = await fetch(`${url}/v1/events`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${apiKey}`,
      'content-type': 'application/json',
      ...publisher,
    },
    body: '{"type":"payment.succeeded","data":{"n":1}}',
  });
  const { id } = (await response.json()) as { id: string };
  await until('it is delivered', () => receiver.requests.length === 2);
  await posthorn.stop();
  return { requests: receiver.requests, eventId: id, endpointId: (body as { id: string }).id };
}

function recorder() {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({
    sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  });
  return { tracing: openTelemetryTracing(provider.getTracer('test')), exporter };
}
const named = (spans: readonly ReadableSpan[], name: string): ReadableSpan[] =>
  spans.filter((span) => span.name === name);
const parentOf = (span: ReadableSpan | undefined) => span?.parentSpanContext?.spanId;

describe('traces', () => {
  test('publisher, accept, every attempt and its settling are one trace, which the receiver can continue', async () => {
    const { tracing, exporter } = recorder();
    const { requests, eventId, endpointId } = await deliver(
      { traceparent: `00-${traceId}-${publisherSpan}-01`, tracestate: 'vendor=a' },
      tracing,
    );
    const spans = exporter.getFinishedSpans();
    expect(new Set(spans.map((span) => span.spanContext().traceId))).toEqual(new Set([traceId]));
    const [accept] = named(spans, 'create payment.succeeded');
    expect(accept).toMatchObject({
      kind: SpanKind.PRODUCER,
      attributes: {
        'messaging.system': 'posthorn',
        'messaging.operation.name': 'create',
        'messaging.destination.name': 'payment.succeeded',
        'messaging.message.id': eventId,
        'messaging.message.body.size': 7,
        'posthorn.tenant': 'default',
      },
    });
    expect(parentOf(accept)).toBe(publisherSpan);

    const attempts = named(spans, 'send payment.succeeded');
    expect(attempts).toHaveLength(2);
    for (const attempt of attempts) {
      expect(attempt.kind).toBe(SpanKind.CLIENT);
      expect(parentOf(attempt)).toBe(accept!.spanContext().spanId);
      expect(attempt.links.map(({ context }) => context.spanId)).toEqual([accept!.spanContext().spanId]);
      expect(attempt.attributes).toMatchObject({
        'http.request.method': 'POST',
        'server.address': '127.0.0.1',
        'posthorn.endpoint.id': endpointId,
      });
      expect(Object.keys(attempt.attributes)).not.toContain('http.request.resend_count');
    }
    expect(attempts.map(({ attributes }) => attributes['http.response.status_code'])).toEqual([500, 200]);
    expect(attempts.map(({ attributes }) => attributes['error.type'])).toEqual(['500', undefined]);
    expect(attempts.map(({ attributes }) => attributes['posthorn.attempt'])).toEqual([1, 2]);
    expect(attempts.map(({ status }) => status.code)).toEqual([SpanStatusCode.ERROR, SpanStatusCode.UNSET]);
    expect(JSON.stringify(spans.map(({ attributes }) => attributes))).not.toContain('geheim');

    expect(
      named(spans, 'settle payment.succeeded').map((span) => [
        parentOf(span),
        span.attributes['posthorn.delivery.state'],
      ]),
    ).toEqual([
      [attempts[0]!.spanContext().spanId, 'pending'],
      [attempts[1]!.spanContext().spanId, 'delivered'],
    ]);
    expect(requests.map(({ headers }) => headers['traceparent'])).toEqual(
      attempts.map((attempt) => `00-${traceId}-${attempt.spanContext().spanId}-01`),
    );
    expect(requests.map(({ headers }) => headers['tracestate'])).toEqual(['vendor=a', 'vendor=a']);
  });

  test('if the publisher does not record, nothing is recorded, and the receiver gets the same flag', async () => {
    const { tracing, exporter } = recorder();
    const { requests } = await deliver({ traceparent: `00-${traceId}-${publisherSpan}-00` }, tracing);
    expect(exporter.getFinishedSpans()).toEqual([]);
    for (const { headers } of requests)
      expect(headers['traceparent']).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
  });

  test('without a trace from the publisher, the accept begins one', async () => {
    const { tracing, exporter } = recorder();
    const { requests } = await deliver({}, tracing);
    const [accept] = named(exporter.getFinishedSpans(), 'create payment.succeeded');
    expect(parentOf(accept)).toBeUndefined();
    for (const { headers } of requests)
      expect(headers['traceparent']).toContain(accept!.spanContext().traceId);
  });

  test('without tracing the publisher’s trace is continued all the same, in every attempt', async () => {
    const { requests } = await deliver({
      traceparent: `00-${traceId}-${publisherSpan}-01`,
      tracestate: 'vendor=a',
    });
    const parents = requests.map(({ headers }) => headers['traceparent'] as string);
    for (const parent of parents) expect(parent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
    expect(new Set([...parents, `00-${traceId}-${publisherSpan}-01`]).size).toBe(3);
    expect(requests.map(({ headers }) => headers['tracestate'])).toEqual(['vendor=a', 'vendor=a']);
  });

  test('without either every attempt begins a trace of its own', async () => {
    const { requests } = await deliver({ traceparent: 'nonsense', tracestate: 'vendor=a' });
    expect(new Set(requests.map(({ headers }) => headers['traceparent'])).size).toBe(2);
    expect(requests.map(({ headers }) => headers['tracestate'])).toEqual([undefined, undefined]);
  });
});

interface Otlp {
  resourceSpans: {
    resource: { attributes: { key: string; value: { stringValue?: string } }[] };
    scopeSpans: { spans: { name: string; traceId: string; kind: number }[] }[];
  }[];
}

/** `posthorn serve` in a process of its own, with these variables. */
async function served(env: Record<string, string>) {
  const child = spawn(
    process.execPath,
    [command, 'serve', '--port', '0', '--data-dir', tempDir(), '--json'],
    {
      env: { ...process.env, POSTHORN_API_KEY: apiKey, POSTHORN_ALLOW_PRIVATE_NETWORKS: 'true', ...env },
    },
  );
  let out = '';
  let err = '';
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (err += data.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  await Promise.race([until('it listens', () => out.includes('\n')), ended]);
  return {
    out: () => out,
    err: () => err,
    stop: async () => {
      child.kill('SIGTERM');
      return await ended;
    },
    ended,
  };
}

describe('posthorn serve with a collector', () => {
  test('sends its spans by OTLP, the last ones when it stops', async () => {
    const received: { path: string; type: string | undefined; body: Otlp }[] = [];
    const collector = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        received.push({
          path: request.url!,
          type: request.headers['content-type'],
          body: JSON.parse(Buffer.concat(chunks).toString()) as Otlp,
        });
        response.setHeader('content-type', 'application/json').end('{}');
      });
    });
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
    closing.push(() => new Promise((resolve) => collector.close(resolve)));
    const receiver = await aReceiver();
    closing.push(receiver.close);
    const process = await served({
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    });
    const { url } = JSON.parse(process.out()) as { url: string };
    const client = createWireClient(url, apiKey);
    await client.request('POST', '/v1/endpoints', { url: receiver.url });
    await client.request('POST', '/v1/events', { type: 'payment.succeeded', data: {} });
    await until('it is delivered', () => receiver.requests.length === 1);
    expect(await process.stop()).toBe(0);

    expect(received[0]).toMatchObject({ path: '/v1/traces', type: 'application/json' });
    const all = received.flatMap(({ body }) => body.resourceSpans);
    const spans = all.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
    expect(spans.map(({ name, kind }) => [name, kind]).toSorted()).toEqual([
      ['create payment.succeeded', 4],
      ['send payment.succeeded', 3],
      ['settle payment.succeeded', 3],
    ]);
    expect(receiver.requests[0]!.headers['traceparent']).toContain(spans[0]!.traceId);
    const facts = Object.fromEntries(
      all[0]!.resource.attributes.map(({ key, value }) => [key, value.stringValue]),
    );
    expect(facts).toMatchObject({
      'service.name': 'posthorn',
      'service.instance.id': hostname(),
      'deployment.environment.name': 'test',
    });
  });

  test('a collector that is away holds up neither deliveries nor the stop', async () => {
    const receiver = await aReceiver();
    closing.push(receiver.close);
    const process = await served({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      OTEL_EXPORTER_OTLP_TIMEOUT: '500',
    });
    const { url } = JSON.parse(process.out()) as { url: string };
    const client = createWireClient(url, apiKey);
    await client.request('POST', '/v1/endpoints', { url: receiver.url });
    await client.request('POST', '/v1/events', { type: 'payment.succeeded', data: {} });
    await until('it is delivered', () => receiver.requests.length === 1);
    expect(await process.stop()).toBe(0);
  });

  test('a sampler that does not exist is refused', async () => {
    const process = await served({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      OTEL_TRACES_SAMPLER: 'now_and_then',
    });
    expect(await process.ended).toBe(2);
    expect(process.err()).toContain('OTEL_TRACES_SAMPLER: now_and_then is unknown');
  });
});
