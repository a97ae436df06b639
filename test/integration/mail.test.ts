import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../packages/posthorn/src/runtime/clock.ts';
import { createAddressGuard } from '../../packages/posthorn/src/transport/address-guard.ts';
import { createMailTransport } from '../../packages/posthorn/src/transport/mail-transport.ts';
import { lookupFunction, systemNames } from '../../packages/posthorn/src/transport/name-lookup.ts';
import { tempDir, until } from '../support.ts';
import { createNode, requestTo } from './library-http.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A real mail server on a free port; `refuse` says with which code it refuses a mail to an address. */
async function mailServer(refuse: (to: string) => number | null = () => null) {
  const mails: string[] = [];
  const users: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    logger: false,
    onAuth: ({ username, password }, _session, done) => {
      users.push(`${username}/${password}`);
      done(null, { user: username ?? '' });
    },
    onRcptTo: ({ address }, _session, done) => {
      const code = refuse(address);
      done(code === null ? null : Object.assign(new Error('no'), { responseCode: code }));
    },
    onData: (stream, _session, done) => {
      let text = '';
      stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
      stream.on('end', () => {
        mails.push(text);
        done();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => new Promise<void>((resolve) => server.close(resolve)));
  const { port } = server.server.address() as AddressInfo;
  return { url: `smtp://user:p%40ss@127.0.0.1:${port}`, port, mails, users };
}

/** A mail server with scripted responses that counts its ended connections. */
async function scripted(talk: (socket: Socket) => void): Promise<{ port: number; closed: () => number }> {
  let ended = 0;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('close', () => ended++);
    talk(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => void server.close());
  return { port: (server.address() as AddressInfo).port, closed: () => ended };
}

const transport = createMailTransport({
  clock: systemClock,
  guard: createAddressGuard({ allowPrivateNetworks: true }),
  lookup: lookupFunction(systemNames(systemClock), 'posthorn'),
});
const post = (url: string, to = 'ops@example.com', timeoutMs = 2000) =>
  transport.post({
    url,
    headers: ['webhook-id', 'alr_1'],
    body: Buffer.from(
      JSON.stringify({ from: 'posthorn@example.com', to: [to], subject: 'Grüße', text: 'line\n.dot' }),
    ),
    timeoutMs,
  });

describe('email', () => {
  test('a mail is sent with its credentials, and keeps its id', async () => {
    const server = await mailServer();
    expect(await post(server.url)).toMatchObject({ ok: true, statusCode: 250, errorClass: null });
    await post(server.url);
    expect(server.users).toEqual(['user/p@ss', 'user/p@ss']);
    expect(server.mails.map((mail) => /Message-ID: (.*)/i.exec(mail)![1])).toEqual([
      '<alr_1@posthorn>',
      '<alr_1@posthorn>',
    ]);
    expect(server.mails[0]).toContain('To: ops@example.com');
  });

  test('temporary and permanent errors are distinguished; the message does not contain the mail', async () => {
    const server = await mailServer((to) =>
      to.startsWith('full') ? 452 : to.startsWith('absent') ? 550 : null,
    );
    expect(await post(server.url, 'full@example.com')).toMatchObject({
      ok: false,
      statusCode: 452,
      errorClass: 'http_5xx',
      message: 'SMTP 452',
    });
    expect(await post(server.url, 'absent@example.com')).toMatchObject({
      ok: false,
      statusCode: 550,
      errorClass: 'http_4xx',
    });
  });

  test('no server, and one that never says a word', async () => {
    expect(await post('smtp://127.0.0.1:1')).toMatchObject({
      ok: false,
      statusCode: null,
      errorClass: 'connect',
    });
    const mute = createServer();
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    closers.push(() => void mute.close());
    const { port } = mute.address() as AddressInfo;
    expect(await post(`smtp://127.0.0.1:${port}`, 'a@example.com', 300)).toMatchObject({
      ok: false,
      errorClass: 'timeout',
    });
  });

  test('G8: one limit bounds the whole conversation, wherever the server drips, and one bounds what it says', async () => {
    const drip = (socket: Socket, line: string): void => {
      const timer = setInterval(() => socket.write(line), 50);
      socket.on('close', () => clearInterval(timer));
    };
    const said = (socket: Socket, answers: readonly string[], then: () => void): void => {
      const left = [...answers];
      socket.write('220 hello\r\n');
      socket.on('data', () => {
        const next = left.shift();
        if (next === undefined) then();
        else socket.write(next);
      });
    };
    const phases: Record<string, (socket: Socket) => void> = {
      greeting: (socket) => drip(socket, '220-wait\r\n'),
      EHLO: (socket) => said(socket, [], () => drip(socket, '250-more\r\n')),
      'MAIL FROM': (socket) => said(socket, ['250 ok\r\n'], () => drip(socket, '250-more\r\n')),
      DATA: (socket) =>
        said(socket, ['250 ok\r\n', '250 ok\r\n', '250 ok\r\n'], () => drip(socket, '354-more\r\n')),
    };
    for (const [phase, talk] of Object.entries(phases)) {
      const { port, closed } = await scripted(talk);
      expect(await post(`smtp://127.0.0.1:${port}`, 'a@example.com', 300), phase).toMatchObject({
        ok: false,
        statusCode: null,
        errorClass: 'timeout',
        message: 'the mail was not accepted within 300 ms',
      });
      await until(`the connection of ${phase} is closed`, () => closed() === 1);
    }
    const flood = await scripted((socket) => {
      const more = (): void => void (socket.write('220-'.repeat(16_384)) || socket.once('drain', more));
      const timer = setInterval(more, 1);
      socket.on('close', () => clearInterval(timer));
    });
    expect(await post(`smtp://127.0.0.1:${flood.port}`, 'a@example.com', 60_000)).toMatchObject({
      ok: false,
      errorClass: 'protocol',
    });
  });

  test("faults of a mail server are never Posthorn's, and a failed lookup is described", async () => {
    const talking = async (answers: Record<string, string>): Promise<string> => {
      const { port } = await scripted((socket) => {
        socket.write('220 hello\r\n');
        let inMail = false;
        socket.on('data', (data: Buffer) => {
          const text = data.toString();
          const verb = inMail && text.endsWith('\r\n.\r\n') ? '.' : text.slice(0, 4);
          if (inMail && verb !== '.') return;
          inMail = verb === 'DATA';
          socket.write(answers[verb] ?? (inMail ? '354 go\r\n' : '250 ok\r\n'));
        });
      });
      return `smtp://127.0.0.1:${port}`;
    };
    expect(await post(await talking({ '.': '000 what\r\n' }))).toMatchObject({
      ok: false,
      errorClass: 'protocol',
    });
    const secure = (await talking({})).replace('smtp:', 'smtps:');
    expect(await post(secure)).toMatchObject({ ok: false, errorClass: 'tls' });
    expect(await post(`smtp://u:%zz@127.0.0.1:1`)).toMatchObject({ ok: false, errorClass: 'connect' });
    expect(await post('smtp://nothing.localhost.invalid')).toMatchObject({
      ok: false,
      errorClass: 'dns',
      message: expect.stringContaining('nothing.localhost.invalid'),
    });
  });

  test('an alert arrives as a mail, and the channel shows no password', async () => {
    const server = await mailServer();
    const database = tempDir();
    const posthorn = await createNode({
      database,
      allowPrivateNetworks: true,
      reconcileEveryS: 1,
      evaluateEveryS: 1,
    });
    closers.push(async () => void (await posthorn.stop()));
    await posthorn.start();
    const channel = {
      kind: 'email',
      server: server.url,
      from: 'posthorn@example.com',
      to: ['ops@example.com'],
    };
    const put = await requestTo(posthorn, 'PUT', '/v1/channels/mail', channel);
    expect(put).toMatchObject({ status: 200, body: { kind: 'email', to: ['ops@example.com'] } });
    const listed = await requestTo(posthorn, 'GET', '/v1/endpoints?tenant=posthorn');
    expect(JSON.stringify([put, listed])).not.toContain('p%40ss');
    expect(
      (await requestTo(posthorn, 'PUT', '/v1/channels/bad', { ...channel, to: ['absent'] })).status,
    ).toBe(422);
    expect(
      (await requestTo(posthorn, 'PUT', '/v1/channels/bad', { ...channel, server: 'https://x' })).status,
    ).toBe(422);
    expect(
      await requestTo(posthorn, 'PUT', '/v1/channels/bad', {
        ...channel,
        server: 'smtp://u:50%@mail.example.com',
      }),
    ).toMatchObject({ status: 422, body: { detail: expect.stringContaining('%25') } });
    // A delivery that is deleted from outside.
    await requestTo(posthorn, 'POST', '/v1/endpoints', {
      url: 'http://127.0.0.1:1/',
      retry: { schedule_s: [3600] },
    });
    await posthorn.publish({ id: 'victim', type: 'a.b', data: {} });
    const behind = new DatabaseSync(join(database, 'posthorn.db'), { timeout: 60_000 });
    behind.exec(
      "DELETE FROM deliveries WHERE event_number = (SELECT number FROM events WHERE id = 'victim')",
    );
    behind.close();
    await until('the mail is there', () => server.mails.length > 0);
    // Long headers are folded (RFC 5322, 2.2.3).
    const mail = server.mails[0]!.replaceAll(/\r\n[ \t]+/g, ' ');
    expect(mail).toMatch(/Subject: \[Posthorn\] PAGE: unaccounted: 1 deliver/);
    expect(mail).toContain('victim');
  });
});
