import 'reflect-metadata';
import { createServer, request as httpRequest, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { Controller, type INestApplication, Module, Post, Req, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { Webhook as Signer } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import {
  createReceiver,
  expressHandler,
  fastifyPlugin,
  honoHandler,
  nestHandler,
  nextHandler,
  nodeHandler,
  type NodeRequest,
  type NodeResponse,
  type Receiver,
  type Rejection,
  type Webhook,
} from '../../packages/client/src/receiver/index.ts';

// Each adapter in the framework itself: the bytes that arrive are those that are verified, and an answer names the step that failed.

interface App {
  readonly url: string;
  close(): Promise<unknown>;
}

const secret = `whsec_${Buffer.from('a'.repeat(32)).toString('base64')}`;
// Printed again by JSON.stringify, these would be other bytes.
const body =
  '{ "id": "evt_1",  "type": "payment.succeeded", "timestamp": "2026-11-26T00:00:00Z", "data": {"é": 1.0}}';
const maxBodyBytes = 1000;

async function listen(server: Server): Promise<App> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

/** Decorators, written as the calls that a compiler makes of them. */
async function nestApp(receiver: Receiver, rawBody: boolean, on: 'Express' | 'Fastify'): Promise<App> {
  const handle = nestHandler(receiver);
  class Hooks {
    hook(request: NodeRequest, response: NodeResponse): Promise<void> {
      return handle(request, response);
    }
  }
  Req()(Hooks.prototype, 'hook', 0);
  Res()(Hooks.prototype, 'hook', 1);
  Post('hook')(Hooks.prototype, 'hook', Object.getOwnPropertyDescriptor(Hooks.prototype, 'hook')!);
  Controller()(Hooks);
  class App {}
  Module({ controllers: [Hooks] })(App);
  const options = { rawBody, logger: false } as const;
  const app: INestApplication =
    on === 'Express'
      ? await NestFactory.create(App, options)
      : await NestFactory.create(App, new FastifyAdapter(), options);
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/hook`, close: () => app.close() };
}

async function fastifyApp(receiver: Receiver): Promise<App> {
  const app = fastify();
  app.post('/json', async (request) => request.body);
  await app.register(fastifyPlugin(receiver, '/hook'));
  return { url: `${await app.listen({ port: 0, host: '127.0.0.1' })}/hook`, close: () => app.close() };
}

async function honoApp(app: Hono): Promise<App> {
  return await new Promise((resolve) => {
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) =>
      resolve({
        url: `http://127.0.0.1:${port}/hook`,
        close: () => new Promise((done) => server.close(done)),
      }),
    );
  });
}

const frameworks: Record<string, (receiver: Receiver) => Promise<App>> = {
  'node:http': (receiver) => listen(createServer(nodeHandler(receiver) as RequestListener)),
  Express: (receiver) => {
    const app = express();
    app.post('/hook', expressHandler(receiver));
    app.use(express.json());
    return listen(createServer(app));
  },
  'Express with express.raw()': (receiver) => {
    const app = express();
    app.post('/hook', express.raw({ type: '*/*' }), expressHandler(receiver));
    return listen(createServer(app));
  },
  Fastify: fastifyApp,
  Hono: (receiver) => honoApp(new Hono().post('/hook', honoHandler(receiver))),
  'NestJS on Express': (receiver) => nestApp(receiver, true, 'Express'),
  'NestJS on Fastify': (receiver) => nestApp(receiver, true, 'Fastify'),
  // A route handler of Next.js takes a Request and returns a Response.
  'Request and Response, as in Next.js': (receiver) => {
    const post = nextHandler(receiver);
    return honoApp(new Hono().post('/hook', (context) => post(context.req.raw)));
  },
};

/** Where something read or parsed the body before: frameworks, and what the answer advises. */
const parsedBefore: Record<string, [(receiver: Receiver) => Promise<App>, RegExp]> = {
  Express: [
    (receiver) => {
      const app = express();
      app.use(express.json());
      app.post('/hook', expressHandler(receiver));
      return listen(createServer(app));
    },
    /above express\.json/,
  ],
  'node:http': [
    (receiver) => {
      const handle = nodeHandler(receiver);
      return listen(
        createServer((request, response) => {
          request.resume().on('end', () => void handle(request, response));
        }),
      );
    },
    /before the receiver/,
  ],
  Hono: [
    (receiver) => {
      const app = new Hono();
      app.use(async (context, next) => {
        await context.req.raw.json();
        await next();
      });
      return honoApp(app.post('/hook', honoHandler(receiver)));
    },
    /read before the receiver/,
  ],
  'NestJS on Express': [(receiver) => nestApp(receiver, false, 'Express'), /rawBody: true/],
  'NestJS on Fastify': [(receiver) => nestApp(receiver, false, 'Fastify'), /rawBody: true/],
  'Request and Response, as in Next.js': [
    (receiver) => {
      const post = nextHandler(receiver);
      return honoApp(
        new Hono().post('/hook', async (context) => {
          await context.req.raw.text();
          return await post(context.req.raw);
        }),
      );
    },
    /request\.json\(\)/,
  ],
};

function signed(text = body, at = Date.now()): Record<string, string> {
  return {
    'content-type': 'application/json',
    'webhook-id': 'evt_1',
    'webhook-timestamp': String(Math.floor(at / 1000)),
    'webhook-signature': new Signer(secret).sign('evt_1', new Date(at), text),
  };
}

interface Setting {
  readonly handled: Webhook[];
  readonly rejections: Rejection[];
  post(
    headers: Record<string, string>,
    text?: string,
  ): Promise<{ status: number; type: string; body: object }>;
}

async function withApp(
  make: (receiver: Receiver) => Promise<App>,
  run: (setting: Setting) => Promise<void>,
): Promise<void> {
  const handled: Webhook[] = [];
  const rejections: Rejection[] = [];
  const app = await make(
    createReceiver({
      keys: secret,
      maxBodyBytes,
      handle: (webhook) => void handled.push(webhook),
      onRejected: (rejection) => rejections.push(rejection),
    }),
  );
  try {
    await run({ handled, rejections, post: (headers, text = body) => post(app.url, headers, text) });
  } finally {
    await app.close();
  }
}

/** `fetch` would add a content type. */
function post(
  url: string,
  headers: Record<string, string>,
  text: string,
): Promise<{ status: number; type: string; body: object }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method: 'POST', headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode!,
          type: response.headers['content-type'] ?? '',
          body: JSON.parse(Buffer.concat(chunks).toString()) as object,
        }),
      );
    });
    request.on('error', reject);
    request.end(text);
  });
}

describe.each(Object.keys(frameworks))('%s', (name) => {
  test('the handler gets what was sent, byte for byte, whatever the content type', () =>
    withApp(frameworks[name]!, async ({ handled, post: send }) => {
      const { 'content-type': json, ...untyped } = signed();
      const all = [
        { ...untyped, 'content-type': json! },
        untyped,
        { ...untyped, 'content-type': 'text/plain' },
      ];
      // Its parsers know JSON and forms; it answers 415 to anything else before a controller sees it.
      const sent = name === 'NestJS on Fastify' ? all.slice(0, 1) : all;
      for (const headers of sent)
        expect(await send(headers)).toMatchObject({ status: 200, body: { outcome: 'processed' } });
      expect(handled.map((webhook) => Buffer.from(webhook.body).toString())).toEqual(sent.map(() => body));
    }));

  test('its answer and the hook name the step that failed', () =>
    withApp(frameworks[name]!, async ({ handled, rejections, post: send }) => {
      const { 'webhook-signature': _, ...unsigned } = signed();
      const cases: [string, string, number, Record<string, string>, string?][] = [
        ['missing_header', 'header', 400, unsigned],
        ['malformed_header', 'header', 400, { ...signed(), 'webhook-signature': 'sha256=abc' }],
        ['timestamp_too_old', 'clock', 400, signed(body, Date.now() - 3_600_000)],
        ['timestamp_too_new', 'clock', 400, signed(body, Date.now() + 3_600_000)],
        ['signature_invalid', 'signature', 400, signed(), body.replaceAll(' ', '')],
        ['body_too_large', 'raw_body', 413, signed(), `{"x":"${'x'.repeat(maxBodyBytes)}"}`],
      ];
      for (const [code, step, status, headers, text] of cases) {
        const answer = await send(headers, text);
        expect(answer).toMatchObject({ status, body: { code, step, status } });
        expect(answer.type).toMatch(/^application\/problem\+json/);
      }
      expect(rejections.map(({ error }) => error.code)).toEqual(cases.map(([code]) => code));
      expect(handled).toEqual([]);
    }));
});

describe.each(Object.keys(parsedBefore))('%s that parsed the body before', (name) => {
  test('says that the raw body is missing, and how to keep it', () => {
    const [make, advice] = parsedBefore[name]!;
    return withApp(make, async ({ handled, rejections, post: send }) => {
      expect(await send(signed())).toMatchObject({
        status: 500,
        body: { code: 'body_not_raw', step: 'raw_body', detail: expect.stringMatching(advice) },
      });
      expect(rejections).toHaveLength(1);
      expect(handled).toEqual([]);
    });
  });
});

test('Hono keeps the text of what it parsed: that is verified', async () => {
  const app = new Hono();
  app.use(async (context, next) => {
    await context.req.json();
    await next();
  });
  await withApp(
    (receiver) => honoApp(app.post('/hook', honoHandler(receiver))),
    async ({ post: send }) => {
      expect(await send(signed())).toMatchObject({ status: 200 });
      expect(await send(signed(), body.replaceAll(' ', ''))).toMatchObject({
        body: { code: 'signature_invalid' },
      });
    },
  );
});

test('Fastify parses JSON as ever on its other routes', async () => {
  const app = await fastifyApp(createReceiver({ keys: secret, handle: () => {} }));
  const answer = await post(
    app.url.replace('/hook', '/json'),
    { 'content-type': 'application/json' },
    '{"a": 1}',
  );
  expect(answer).toMatchObject({ status: 200, body: { a: 1 } });
  await app.close();
});
