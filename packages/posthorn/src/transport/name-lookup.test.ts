import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { aClock } from '../../../../test/manual-clock.ts';
import { aNameServer, type TestNameServer, type Zone } from '../../../../test/name-server.ts';
import { until } from '../../../../test/support.ts';
import { systemClock } from '../runtime/clock.ts';
import { candidateNames, parseHosts, parseResolvConf } from './name-files.ts';
import { lookupFunction, NameLookup } from './name-lookup.ts';
import { type NameServers, type QueryDone, SystemNameServers } from './name-servers.ts';
import { inOrder } from './resolution.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** Name servers that answer when the test says so. */
function scripted(ipv6 = false) {
  const open: { name: string; family: 4 | 6; done: QueryDone }[] = [];
  const servers: NameServers = {
    localAddresses: () => null,
    candidates: (host) => [host],
    query: (name, family, _nth, done) => open.push({ name, family, done }),
    hasIpv6: () => ipv6,
    close: () => {},
  };
  const answer = (name: string, addresses: readonly string[], ttlMs = 60_000): void => {
    for (const query of open.splice(0).toSorted((a, b) => a.family - b.family)) {
      if (query.name !== name) open.push(query);
      else if (query.family === 4)
        query.done(
          null,
          addresses.map((address) => ({ address, ttlMs })),
        );
      else query.done(Object.assign(new Error('no'), { code: 'ENODATA' }), []);
    }
  };
  const fail = (name: string, code: string): void => {
    while (open.some((query) => query.name === name))
      for (const query of open.splice(0)) {
        if (query.name === name) query.done(Object.assign(new Error('no'), { code }), []);
        else open.push(query);
      }
  };
  return { servers, open, answer, fail };
}

/** Asks, and notes what comes of it. */
function ask(names: NameLookup, host: string, tenant = 'a') {
  const result: { started: boolean; addresses: readonly string[] | null; error: string | null } = {
    started: false,
    addresses: null,
    error: null,
  };
  names.find(host, tenant, {
    onLookupStarted: () => (result.started = true),
    onFound: ({ addresses }) => (result.addresses = addresses),
    onNotFound: ({ message }) => (result.error = message),
  });
  return result;
}

describe('memory', () => {
  test('one question for all who ask; an answer holds for its time to live', () => {
    const clock = aClock();
    const { servers, open, answer } = scripted();
    const names = new NameLookup({ clock, servers });
    const [first, second] = [ask(names, 'a.test'), ask(names, 'A.test')];
    expect(open).toHaveLength(2);
    answer('a.test', ['10.0.0.1'], 5000);
    expect([first, second]).toMatchObject([{ addresses: ['10.0.0.1'] }, { addresses: ['10.0.0.1'] }]);
    clock.pass(4999);
    expect(ask(names, 'a.test').addresses).toEqual(['10.0.0.1']);
    expect(names.known('a.test', 'a')).toEqual({ addresses: ['10.0.0.1'], ttlMs: 1 });
    expect(open).toHaveLength(0);
    clock.pass(1);
    expect(names.known('a.test', 'a')).toBeNull();
    expect(open).toHaveLength(2);
    answer('a.test', ['10.0.0.2']);
    expect(names.known('a.test', 'a')).toMatchObject({ addresses: ['10.0.0.2'] });
  });

  test('a time to live of nothing holds for a second, one of a week for five minutes', () => {
    const clock = aClock();
    const { servers, open, answer } = scripted();
    const names = new NameLookup({ clock, servers });
    for (const [host, ttlMs, holdsMs] of [
      ['zero.test', 0, 1000],
      ['week.test', 604_800_000, 300_000],
    ] as const) {
      ask(names, host);
      answer(host, ['10.0.0.1'], ttlMs);
      clock.pass(holdsMs - 1);
      expect(ask(names, host).addresses).not.toBeNull();
      clock.pass(1);
      ask(names, host);
      expect(open).toHaveLength(2);
      answer(host, ['10.0.0.1']);
    }
  });

  test('a name that does not exist is asked for again after five seconds', () => {
    const clock = aClock();
    const { servers, open, fail } = scripted();
    const names = new NameLookup({ clock, servers });
    const first = ask(names, 'gone.test');
    fail('gone.test', 'ENOTFOUND');
    expect(first.error).toBe('gone.test does not exist (ENOTFOUND)');
    clock.pass(4999);
    expect(ask(names, 'gone.test').error).toBe(first.error);
    expect(open).toHaveLength(0);
    clock.pass(1);
    ask(names, 'gone.test');
    expect(open).toHaveLength(2);
  });

  test('where name servers fail, what they said before still leads to a healthy receiver', () => {
    const clock = aClock();
    const { servers, open, answer, fail } = scripted();
    const names = new NameLookup({ clock, servers });
    ask(names, 'a.test');
    answer('a.test', ['10.0.0.1'], 1000);
    clock.pass(2000);
    const silent = ask(names, 'a.test');
    clock.pass(1499);
    expect(silent.addresses).toBeNull();
    clock.pass(1);
    expect(silent.addresses).toEqual(['10.0.0.1']);
    // Later lookups need not wait for that again.
    expect(ask(names, 'a.test').addresses).toEqual(['10.0.0.1']);
    fail('a.test', 'ESERVFAIL');
    expect(ask(names, 'a.test')).toMatchObject({ addresses: ['10.0.0.1'], started: true });
    expect(open).toHaveLength(0);
    // For an hour; and not where the name has gone.
    clock.pass(3_600_001);
    const later = ask(names, 'a.test');
    fail('a.test', 'ESERVFAIL');
    expect(later).toMatchObject({
      addresses: null,
      error: 'the name servers of a.test answer with ESERVFAIL',
    });
    const { servers: other, answer: found, fail: gone } = scripted();
    const again = new NameLookup({ clock, servers: other });
    ask(again, 'b.test');
    found('b.test', ['10.0.0.1'], 1000);
    clock.pass(2000);
    const missing = ask(again, 'b.test');
    gone('b.test', 'ENOTFOUND');
    expect(missing).toMatchObject({ addresses: null, error: 'b.test does not exist (ENOTFOUND)' });
  });

  test('is bounded', () => {
    const { servers, open, answer } = scripted();
    const names = new NameLookup({ clock: aClock(), servers });
    for (let n = 0; n < 20_050; n++) {
      ask(names, `n${n}.test`);
      answer(`n${n}.test`, ['10.0.0.1']);
    }
    ask(names, 'n20049.test');
    expect(open).toHaveLength(0);
    ask(names, 'n0.test');
    expect(open).toHaveLength(2);
  });
});

describe('silent name servers (G8)', () => {
  test('a lookup ends after five seconds, and says so', () => {
    const clock = aClock();
    const names = new NameLookup({ clock, servers: scripted().servers });
    const result = ask(names, 'silent.test');
    clock.pass(4999);
    expect(result.error).toBeNull();
    clock.pass(1);
    expect(result.error).toBe('no answer from the name servers of silent.test within 5000 ms');
  });

  test("names of one tenant leave places for others, and wait for each other's", () => {
    const clock = aClock();
    const { servers, answer } = scripted();
    const names = new NameLookup({ clock, servers });
    const silent = Array.from({ length: 5000 }, (_, n) => ask(names, `silent${n}.test`, 'hostile'));
    const others = Array.from({ length: 5000 }, (_, n) => ask(names, `quiet${n}.test`, 'also hostile'));
    expect(silent.filter(({ started }) => started).length).toBeLessThan(100);
    expect(others.filter(({ started }) => started).length).toBeGreaterThan(0);
    const healthy = ask(names, 'healthy.test', 'c');
    expect(healthy.started).toBe(true);
    answer('healthy.test', ['10.0.0.1']);
    expect(healthy.addresses).toEqual(['10.0.0.1']);
    // None waits longer than three seconds for its place, and what failed says why.
    clock.pass(3000);
    expect(silent.at(-1)!.error).toMatch(/was not looked up: too many other names wait/);
  });

  test('names that did not answer last time have few places in all', () => {
    const clock = aClock();
    const { servers } = scripted();
    const names = new NameLookup({ clock, servers });
    const round = () =>
      Array.from({ length: 40 }, (_, n) => ask(names, `silent${n}.test`, `tenant ${n}`)).filter(
        ({ started, error }) => started && error === null,
      );
    expect(round()).toHaveLength(40);
    clock.pass(5000);
    // At first they are not asked again at all.
    expect(round()).toHaveLength(0);
    clock.pass(1000);
    expect(round()).toHaveLength(16);
    expect(ask(names, 'healthy.test', 'tenant 1').started).toBe(true);
  });

  test('thousands of names of one tenant that answer are all found', () => {
    const { servers, answer, open } = scripted();
    const names = new NameLookup({ clock: aClock(), servers });
    const all = Array.from({ length: 1000 }, (_, n) => ask(names, `n${n}.test`));
    while (open.length > 0) answer(open[0]!.name, ['10.0.0.1']);
    expect(all.every(({ addresses }) => addresses !== null)).toBe(true);
  });
});

describe('families', () => {
  test('in turn where this machine has IPv6, else IPv4 first', () => {
    const [v4, v6] = [['10.0.0.1', '10.0.0.2'], ['2001:db8::1']];
    expect(inOrder(v4, v6, true)).toEqual(['2001:db8::1', '10.0.0.1', '10.0.0.2']);
    expect(inOrder(v4, v6, false)).toEqual(['10.0.0.1', '10.0.0.2', '2001:db8::1']);
  });
});

async function aSystem(
  zone: Zone,
  { resolvConf = '', hosts = '', clock = systemClock, before = [] as string[] } = {},
) {
  const server: TestNameServer = await aNameServer(zone);
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-test-'));
  const files = { resolvConf: join(directory, 'resolv.conf'), hostsFile: join(directory, 'hosts') };
  writeFileSync(files.resolvConf, resolvConf);
  writeFileSync(files.hostsFile, hosts);
  const names = new NameLookup({
    clock,
    servers: new SystemNameServers({ clock, ...files, servers: [...before, server.address] }),
  });
  closing.push(() => {
    names.close();
    server.close();
    rmSync(directory, { recursive: true });
  });
  const find = async (host: string) => {
    const result = ask(names, host);
    await until(`${host} is looked up`, () => result.addresses !== null || result.error !== null);
    return result;
  };
  return { server, names, files, find };
}

describe('with a real name server', () => {
  test('both families, with their time to live', async () => {
    const { server, find } = await aSystem({
      'both.test': { A: ['10.0.0.1'], AAAA: ['2001:db8::1'], ttlS: 7 },
    });
    const { addresses } = await find('both.test');
    expect(addresses!.toSorted()).toEqual(['10.0.0.1', '2001:db8::1']);
    expect(server.questions.toSorted()).toEqual(['A both.test', 'AAAA both.test']);
  });

  test.each(['AAAA', 'A'] as const)(
    'one that is silent when asked for %s does not hold up the other',
    async (silent) => {
      const { find } = await aSystem({ 'half.test': { A: ['10.0.0.1'], AAAA: ['2001:db8::1'], silent } });
      expect((await find('half.test')).addresses).toEqual([silent === 'AAAA' ? '10.0.0.1' : '2001:db8::1']);
    },
  );

  test('a slow one is waited for, though it was asked again meanwhile', async () => {
    const { server, find } = await aSystem({ 'slow.test': { A: ['10.0.0.1'], delayMs: 1600 } });
    expect((await find('slow.test')).addresses).toEqual(['10.0.0.1']);
    expect(server.questions.filter((question) => question.startsWith('A ')).length).toBeGreaterThan(0);
  });

  test('a slow one is waited for, however fast it was before', async () => {
    const names = Array.from({ length: 6 }, (_, n) => `fast${n}.test`);
    const fast = Object.fromEntries(names.map((name) => [name, { A: ['10.0.0.2'] }]));
    const { server, find } = await aSystem(fast);
    for (const name of names) expect((await find(name)).addresses).toEqual(['10.0.0.2']);
    server.zone = { 'slow.test': { A: ['10.0.0.1'], delayMs: 1600 } };
    expect((await find('slow.test')).addresses).toEqual(['10.0.0.1']);
  });

  test('the next one is asked where the first is silent, broken or gone, and from then on first', async () => {
    for (const zone of [{ 'a.test': { silent: 'all' } }, { 'a.test': { fails: true } }, null] as const) {
      const first = await aNameServer(zone ?? {});
      if (zone === null) first.close();
      else closing.push(() => first.close());
      const { server, names, find } = await aSystem(
        { 'a.test': { A: ['10.0.0.1'] }, 'b.test': { A: ['10.0.0.2'] } },
        { before: [first.address] },
      );
      expect((await find('a.test')).addresses).toEqual(['10.0.0.1']);
      const { length } = first.questions;
      expect((await find('b.test')).addresses).toEqual(['10.0.0.2']);
      expect(first.questions).toHaveLength(length);
      expect(server.questions).toContain('A b.test');
      expect(names.known('a.test', 'a')).toMatchObject({ addresses: ['10.0.0.1'] });
    }
  });

  test('errors have their words', async () => {
    const { find } = await aSystem({ 'empty.test': {}, 'broken.test': { fails: true } });
    expect((await find('missing.test')).error).toBe('missing.test does not exist (ENOTFOUND)');
    expect((await find('empty.test')).error).toBe('empty.test does not have an address (ENODATA)');
    expect((await find('broken.test')).error).toBe('the name servers of broken.test answer with ESERVFAIL');
  });

  test('search domains and ndots, as in Kubernetes', async () => {
    const { server, find } = await aSystem(
      { 'receiver.shop.svc.cluster.local': { A: ['10.0.0.1'] }, 'a.b.example.com': { A: ['10.0.0.2'] } },
      { resolvConf: 'search shop.svc.cluster.local cluster.local\noptions ndots:5\n' },
    );
    expect((await find('receiver')).addresses).toEqual(['10.0.0.1']);
    expect((await find('a.b.example.com')).addresses).toEqual(['10.0.0.2']);
    const asked = server.questions.filter((question) => question.startsWith('A ')).length;
    expect((await find('a.b.example.com.')).addresses).toEqual(['10.0.0.2']);
    expect(server.questions.filter((question) => question.startsWith('A '))).toHaveLength(asked + 1);
  });

  test('the hosts file comes first, and is read again when it changes', async () => {
    const clock = aClock();
    const { server, files, find } = await aSystem({}, { hosts: '10.0.0.9 pinned.test other # no\n', clock });
    expect((await find('Pinned.test')).addresses).toEqual(['10.0.0.9']);
    expect((await find('other')).addresses).toEqual(['10.0.0.9']);
    writeFileSync(files.hostsFile, '10.0.0.10 pinned.test\n10.0.0.11 pinned.test\n');
    clock.pass(5000);
    expect((await find('pinned.test')).addresses).toEqual(['10.0.0.10', '10.0.0.11']);
    for (const host of ['localhost', 'a.localhost', 'LOCALHOST.'])
      expect((await find(host)).addresses).toEqual(['127.0.0.1', '::1']);
    expect(server.questions).toEqual([]);
  });

  test('in the form of dns.lookup', async () => {
    const { names } = await aSystem({ 'a.test': { A: ['10.0.0.1', '10.0.0.2'] } });
    const lookup = lookupFunction(names, 'a');
    const all = (options: object) =>
      new Promise((resolve) => lookup('a.test', options, (...answer) => resolve(answer)));
    expect(await all({})).toEqual([null, '10.0.0.1', 4]);
    expect(await all({ all: true })).toEqual([
      null,
      [
        { address: '10.0.0.1', family: 4 },
        { address: '10.0.0.2', family: 4 },
      ],
    ]);
    expect(await all({ family: 6 })).toMatchObject([{ code: 'POSTHORN_DNS' }, '']);
  });
});

describe('files', () => {
  test('resolv.conf', () => {
    expect(
      parseResolvConf(
        '# a comment\nnameserver 10.0.0.1\nnameserver fe80::1%eth0 ; b\nnameserver nonsense\nnameserver 10.0.0.3\nnameserver 10.0.0.4\ndomain a.test\nsearch B.test. c.test\noptions edns0 ndots:99 timeout:1\n',
      ),
    ).toEqual({ servers: ['10.0.0.1', 'fe80::1%eth0', '10.0.0.3'], search: ['b.test', 'c.test'], ndots: 15 });
    expect(parseResolvConf('')).toEqual({ servers: [], search: [], ndots: 1 });
  });

  test('candidates', () => {
    const config = { servers: [], search: ['x.test', 'y.test'], ndots: 2 };
    expect(candidateNames('a', config)).toEqual(['a.x.test', 'a.y.test', 'a']);
    expect(candidateNames('a.b.c', config)).toEqual(['a.b.c', 'a.b.c.x.test', 'a.b.c.y.test']);
    expect(candidateNames('a.b.', config)).toEqual(['a.b']);
  });

  test('hosts', () => {
    const hosts = parseHosts('127.0.0.1\tlocalhost\n::1 localhost ip6-localhost\nnonsense x\n10.0.0.1\n');
    expect([...hosts]).toEqual([
      ['localhost', ['127.0.0.1', '::1']],
      ['ip6-localhost', ['::1']],
    ]);
  });
});
