import { execFile } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import * as v1 from 'svix-v1';
import * as v2 from 'svix-v2';
import { apiKey } from '../integration/serving.ts';
import { tempDir, until } from '../support.ts';
import { at, failing, fresh, receivedAt, serverUrl } from './world.ts';
import { keptDirectory } from '../temporary.ts';

// Scripts with the official clients.

/** The older client's calls under their newer names. */
interface Renamed {
  readonly upsert: (...input: readonly unknown[]) => Promise<{ readonly id: string }>;
  readonly setHeaders: (...input: readonly unknown[]) => Promise<void>;
}
const renamed = (resource: unknown): Renamed => resource as Renamed;

const run = promisify(execFile);

/** The Python of an environment that has this version of the client, made once on this machine; null: it cannot be made. */
async function pythonWith(version: string): Promise<string | null> {
  const folder = join(keptDirectory(), `posthorn-test-python-client-${version}`);
  const python = join(folder, 'bin', 'python');
  const has = async (): Promise<boolean> =>
    await run(python, ['-c', `import svix, sys; sys.exit(svix.__version__ != "${version}")`]).then(
      () => true,
      () => false,
    );
  if (await has()) return python;
  try {
    await run('python3', ['-m', 'venv', folder], { timeout: 60_000 });
    await run(python, ['-m', 'pip', 'install', '--quiet', `svix==${version}`], { timeout: 60_000 });
  } catch {
    return null;
  }
  return (await has()) ? python : null;
}

/** The script in Go, built with what is on this machine; null: it cannot be built. */
async function goScript(): Promise<string | null> {
  const folder = tempDir();
  copyFileSync('test/svix/script.go', join(folder, 'script.go'));
  writeFileSync(
    join(folder, 'go.mod'),
    'module script\n\ngo 1.21\n\nrequire github.com/svix/svix-webhooks v1.99.1\n',
  );
  const env = { ...process.env, GOPROXY: 'off', GOSUMDB: 'off', GOFLAGS: '-mod=mod' };
  const program = join(folder, 'script');
  return await run('go', ['build', '-o', program, '.'], { cwd: folder, env }).then(
    () => program,
    () => null,
  );
}

const clients = [
  ['1.99.1', () => new v1.Svix(apiKey, { serverUrl: serverUrl() }), v1.Webhook],
  ['2.5.0', () => new v2.Svix(apiKey, { serverUrl: serverUrl() }) as unknown as v1.Svix, v2.Webhook],
] as const;

/** Messages of a whole script: `POSTHORN_TEST_SVIX_MESSAGES=10000 npx vitest run test/svix -t script` sends many. */
const messages = process.env['POSTHORN_TEST_SVIX_MESSAGES'] ?? '60';
const outcome = { messages: Number(messages), attempts: Number(messages) + 1 };

export function describeClientScripts(): void {
  describe.each(clients)('JavaScript client %s', (version, connect, Webhook) => {
    const isOld = version.startsWith('1');

    test('a payload is expunged: it and the answers are gone, and the message cannot be sent again', async () => {
      const svix = connect();
      const [app, path] = [fresh('expunged'), `/${fresh('hook')}`];
      await svix.application.create({ name: app, uid: app });
      const { id: endpoint } = await svix.endpoint.create(app, { url: at(path) });
      const { id } = await svix.message.create(app, {
        eventType: 'a.b',
        payload: { email: 'a@example.org' },
      });
      await until('the attempt is listed', async () => {
        const { data } = await svix.messageAttempt.listByMsg(app, id, { withContent: true });
        return data.length === 1 && data[0]!.response !== '';
      });
      for (let times = 0; times < 2; times++) await svix.message.expungeContent(app, id);
      expect((await svix.message.get(app, id, { withContent: true })).payload).toEqual({ expired: true });
      expect((await svix.messageAttempt.listByMsg(app, id)).data).toMatchObject([
        { response: '', status: 0 },
      ]);
      await expect(svix.messageAttempt.resend(app, id, endpoint)).rejects.toMatchObject({
        code: 400,
        body: { code: 'missing_payload' },
      });
      await expect(svix.message.expungeContent(app, 'none')).rejects.toMatchObject({ code: 404 });
    });

    test('a sender’s script: application, endpoint, event types, messages, attempts, resend, recover, rotation', async () => {
      const svix = connect();
      const [app, type] = [fresh('customer'), fresh('invoice.paid')];
      const types = svix.eventType;
      await types.create({
        name: type,
        description: 'An invoice was paid',
        schemas: { '1': { type: 'object' } },
      });
      const put = (isOld ? types.update : renamed(types).upsert).bind(types);
      await put(type, { description: 'Paid', schemas: { '1': { type: 'object' } } });
      expect(await types.get(type)).toMatchObject({ name: type, description: 'Paid', archived: false });

      const made = await svix.application.create({ name: 'Customer', uid: app, metadata: { plan: 'pro' } });
      expect(made).toMatchObject({ uid: app, name: 'Customer', metadata: { plan: 'pro' } });
      expect(made.id).toMatch(/^app_/);
      expect(made.createdAt.getTime()).toBeGreaterThan(0);
      expect((await svix.application.get(made.id)).uid).toBe(app);
      expect((await svix.application.getOrCreate({ name: 'Customer', uid: app })).id).toBe(made.id);
      await expect(svix.application.create({ name: 'Again', uid: app })).rejects.toMatchObject({ code: 409 });

      const path = `/${fresh('hook')}`;
      const created = await svix.endpoint.create(app, {
        url: at(path),
        uid: 'Main.Endpoint_1',
        ...(isOld ? { filterTypes: [type] } : { eventTypes: [type] }),
      } as never);
      expect(created).toMatchObject({ uid: 'Main.Endpoint_1', description: '', disabled: false });
      expect(created).toMatchObject(isOld ? { filterTypes: [type] } : { eventTypes: [type] });
      const { key } = await svix.endpoint.getSecret(app, 'Main.Endpoint_1');
      expect(key).toMatch(/^whsec_/);

      const eventId = fresh('evt');
      const payload = { amount: 1099, nested: { list: [1, 2] } };
      const sent = await svix.message.create(app, { eventType: type, eventId, payload });
      expect(sent).toMatchObject({ eventType: type, eventId });
      await until('it is delivered', () => receivedAt(path).length === 1);
      const [got] = receivedAt(path);
      // The data alone, under both families of headers with the same values.
      expect(got!.body.toString()).toBe(JSON.stringify(payload));
      for (const header of ['id', 'timestamp', 'signature'])
        expect(got!.headers[`svix-${header}`]).toBe(got!.headers[`webhook-${header}`]);
      expect(got!.headers['svix-id']).toBe(sent.id);
      const headers = got!.headers as Record<string, string>;
      expect(() => new Webhook(key).verify(got!.body.toString(), headers)).not.toThrow();

      const attempts = await svix.messageAttempt.listByMsg(app, sent.id);
      await until('the attempt is listed', async () => {
        const page = await svix.messageAttempt.listByEndpoint(app, created.id);
        return page.data.length === 1;
      });
      expect(attempts.done).toBe(true);
      const [attempt] = (await svix.messageAttempt.listByEndpoint(app, created.id)).data;
      expect(attempt).toMatchObject({
        msgId: sent.id,
        endpointId: created.id,
        status: 0,
        responseStatusCode: 200,
        url: at(path),
        triggerType: 0,
      });
      expect((await svix.messageAttempt.get(app, sent.id, attempt!.id)).id).toBe(attempt!.id);

      await svix.messageAttempt.resend(app, sent.id, created.id);
      await until('it is delivered again', () => receivedAt(path).length === 2);
      expect(receivedAt(path)[1]!.headers['svix-id']).toBe(sent.id);

      const recovery = await svix.endpoint.recover(app, created.id, {
        since: new Date(Date.now() - 3600_000),
      });
      expect(recovery).toMatchObject({ task: 'endpoint.recover' });
      await until(
        'the task ends',
        async () => (await svix.backgroundTask.get(recovery.id)).status === 'finished',
      );

      await svix.endpoint.rotateSecret(app, created.id, {});
      const rotated = await svix.endpoint.getSecret(app, created.id);
      expect(rotated.key).not.toBe(key);
      await svix.message.create(app, { eventType: type, payload: { after: 'rotation' } });
      await until('a third is delivered', () => receivedAt(path).length === 3);
      const last = receivedAt(path)[2]!;
      // The former secret signs too while its grace period lasts.
      for (const secret of [key, rotated.key])
        expect(() =>
          new Webhook(secret).verify(last.body.toString(), last.headers as Record<string, string>),
        ).not.toThrow();
    });

    test('lists go on by their iterator until they are done', async () => {
      const svix = connect();
      const app = fresh('pages');
      await svix.application.create({ name: app, uid: app });
      const sent: string[] = [];
      for (let n = 0; n < 5; n++)
        sent.push((await svix.message.create(app, { eventType: 'page.sent', payload: { n } })).id);
      const listed: string[] = [];
      let iterator: string | null | undefined;
      for (let done = false; !done;) {
        const page = await svix.message.list(app, { limit: 2, ...(iterator ? { iterator } : {}) });
        listed.push(...page.data.map(({ id }) => id));
        iterator = page.iterator;
        done = page.done;
      }
      expect(listed).toEqual(sent.toReversed());
      for (const id of sent) expect(id).toMatch(/^msg_[0-9A-Za-z]{27}$/);
      expect((await svix.application.list({ limit: 250 })).data.map(({ uid }) => uid)).toContain(app);
    });

    test('what fails is an ApiException that says what is wrong', async () => {
      const svix = connect();
      await expect(svix.application.get('nobody')).rejects.toMatchObject({
        code: 404,
        body: { code: 'not_found' },
      });
      await expect(svix.application.create({ name: '' })).rejects.toMatchObject({
        code: 422,
        body: { detail: [{ loc: ['body', 'name'], type: 'value_error' }] },
      });
      const stranger = isOld
        ? new v1.Svix('phk_wrong', { serverUrl: serverUrl() })
        : new v2.Svix('phk_wrong', { serverUrl: serverUrl() });
      await expect(stranger.application.get('nobody')).rejects.toMatchObject({
        code: 401,
        body: { code: 'authentication_failed' },
      });
    });

    test('headers, metadata, upsert, patch and statistics of an endpoint', async () => {
      const svix = connect();
      const app = fresh('settings');
      await svix.application.create({ name: app, uid: app });
      const upsert = (isOld ? svix.endpoint.update : renamed(svix.endpoint).upsert).bind(svix.endpoint);
      const made = await upsert(app, 'billing', { url: at('/settings'), metadata: { a: 'b' } });
      expect(made).toMatchObject({ uid: 'billing', metadata: { a: 'b' } });
      const patched = await svix.endpoint.patch(app, 'billing', { disabled: true, description: 'Off' });
      expect(patched).toMatchObject({
        id: made.id,
        disabled: true,
        description: 'Off',
        metadata: { a: 'b' },
      });
      const again = await upsert(app, 'billing', { url: at('/settings') });
      expect(again).toMatchObject({ id: made.id, disabled: false, description: '', metadata: {} });
      const setHeaders = (isOld ? svix.endpoint.updateHeaders : renamed(svix.endpoint).setHeaders).bind(
        svix.endpoint,
      );
      await setHeaders(app, 'billing', { headers: { 'x-token': 'secret-value' } });
      await svix.endpoint.patchHeaders(app, 'billing', { headers: { 'x-other': 'one' } } as never);
      expect(await svix.endpoint.getHeaders(app, 'billing')).toEqual({
        headers: {},
        sensitive: ['x-token', 'x-other'],
      });
      expect(await svix.endpoint.getStats(app, 'billing')).toEqual({
        success: 0,
        pending: 0,
        sending: 0,
        fail: 0,
        canceled: 0,
      });
      await svix.endpoint.delete(app, 'billing');
      await svix.application.delete(app);
      await expect(svix.application.get(app)).rejects.toMatchObject({ code: 404 });
    });

    test('a failing receiver: the attempts are failures, and replay-missing sends what was suppressed', async () => {
      const svix = connect();
      const [app, path] = [fresh('failing'), `/${fresh('failing')}`];
      failing.add(path);
      await svix.application.create({ name: app, uid: app });
      const { id } = await svix.endpoint.create(app, { url: at(path) });
      const sent = await svix.message.create(app, { eventType: 'x.failed', payload: {} });
      await until(
        'an attempt failed',
        async () => (await svix.messageAttempt.listByEndpoint(app, id)).data.length > 0,
      );
      const [attempt] = (await svix.messageAttempt.listByEndpoint(app, id, { status: 2 })).data;
      expect(attempt).toMatchObject({ status: 2, responseStatusCode: 500, msgId: sent.id });
      expect((await svix.messageAttempt.listByEndpoint(app, id, { status: 0 })).data).toEqual([]);
      expect((await svix.messageAttempt.listByEndpoint(app, id, { statusCodeClass: 500 })).data).toHaveLength(
        1,
      );
      const [destination] = (await svix.messageAttempt.listAttemptedDestinations(app, sent.id)).data;
      // Its retry is still to come.
      expect(destination).toMatchObject({ id, status: 3 });
      expect(destination!.nextAttempt).toBeInstanceOf(Date);

      failing.delete(path);
      await svix.endpoint.patch(app, id, { disabled: true });
      const missed = await svix.message.create(app, { eventType: 'x.missed', payload: { missed: true } });
      await svix.endpoint.patch(app, id, { disabled: false });
      const task = await svix.endpoint.replayMissing(app, id, { since: new Date(Date.now() - 3600_000) });
      expect(task).toMatchObject({ task: 'endpoint.replay' });
      await until('what was missed is delivered', () =>
        receivedAt(path).some(({ headers }) => headers['svix-id'] === missed.id),
      );
    });

    test('access for a receiver: a key of its application, which reads and changes nothing else', async () => {
      const svix = connect();
      const [own, foreign] = [fresh('own'), fresh('foreign')];
      for (const uid of [own, foreign]) await svix.application.create({ name: uid, uid });
      const { token, url } = await svix.authentication.appPortalAccess(own, {});
      expect(url).toContain('/portal#t=phl_');
      const options = { serverUrl: serverUrl() };
      const holder = isOld
        ? new v1.Svix(token, options)
        : (new v2.Svix(token, options) as unknown as v1.Svix);
      const made = await holder.endpoint.create(own, { url: at('/own') });
      expect((await holder.endpoint.list(own)).data.map(({ id }) => id)).toEqual([made.id]);
      expect((await holder.endpoint.getSecret(own, made.id)).key).toMatch(/^whsec_/);
      await expect(holder.endpoint.list(foreign)).rejects.toMatchObject({ code: 404 });
      await expect(holder.application.create({ name: 'x' })).rejects.toMatchObject({
        code: 403,
        body: { code: 'insufficient access' },
      });
      await expect(holder.message.create(own, { eventType: 'a.b', payload: {} })).rejects.toMatchObject({
        code: 403,
      });
      await svix.authentication.expireAll(own, {});
      await expect(holder.endpoint.list(own)).rejects.toMatchObject({ code: 401 });
    });
  });

  describe('JavaScript client', () => {
    test.for(['svix-v1', 'svix-v2'])('%s: the same script, as a program of its own', async (client) => {
      const [uid, path] = [fresh('script'), `/${fresh('script')}`];
      const { stdout } = await run(process.execPath, [
        'test/svix/script.js',
        client,
        serverUrl(),
        apiKey,
        at(path),
        uid,
        messages,
      ]);
      expect(JSON.parse(stdout)).toEqual(outcome);
      expect(receivedAt(path)).toHaveLength(outcome.attempts);
    });
  });

  describe('Go client', () => {
    test('1.99.1: the same script', async (context) => {
      const program = await goScript();
      if (program === null) return context.skip('Go is not here, or its cache lacks the client');
      const [uid, path] = [fresh('go'), `/${fresh('go')}`];
      const { stdout } = await run(program, [serverUrl(), apiKey, at(path), uid]);
      expect(JSON.parse(stdout)).toEqual({ messages: 2, attempts: 2 });
      expect(receivedAt(path)).toHaveLength(2);
    });
  });

  describe('Python client', () => {
    test.for(['1.99.1', '2.9.1'])('%s: the same script', async (version, context) => {
      const python = await pythonWith(version);
      if (python === null) return context.skip('pip cannot install the client here');
      const [uid, path] = [fresh('python'), `/${fresh('python')}`];
      const { stdout } = await run(python, [
        'test/svix/script.py',
        serverUrl(),
        apiKey,
        at(path),
        uid,
        messages,
      ]);
      expect(JSON.parse(stdout)).toEqual(outcome);
      expect(receivedAt(path)).toHaveLength(outcome.attempts);
    });
  });
}
