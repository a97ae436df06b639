import { expect, test } from 'vitest';
import { isLoopback } from '../domain/network.ts';
import { unknownVariables } from './environment.ts';
import { readSettings, settingVariables } from './settings.ts';

test('defaults need nothing', () => {
  expect(readSettings({}, {})).toMatchObject({
    settings: { host: '127.0.0.1', port: 8400, dataDir: './posthorn-data', allowPrivateNetworks: false },
  });
});

test('options win over the environment, the environment over defaults', () => {
  const env = { POSTHORN_PORT: '9000', POSTHORN_HOST: '0.0.0.0', POSTHORN_ALLOW_PRIVATE_NETWORKS: 'true' };
  expect(readSettings({ port: '9001' }, env)).toMatchObject({
    settings: { port: 9001, host: '0.0.0.0', allowPrivateNetworks: true },
  });
  expect(readSettings({}, { POSTHORN_PORT: '' })).toMatchObject({ settings: { port: 8400 } });
});

test('every fault names the variable and the option, and none shows a key', () => {
  const read = readSettings({ port: '70000', logLevel: 'loud' }, { POSTHORN_API_KEY: 'secret-of-mine' });
  const faults = 'faults' in read ? read.faults : [];
  expect(faults).toHaveLength(3);
  expect(faults.join('\n')).toMatch(/--port \(POSTHORN_PORT\)/);
  expect(faults.join('\n')).toMatch(/--log-level \(POSTHORN_LOG_LEVEL\)/);
  expect(faults.join('\n')).toMatch(/^POSTHORN_API_KEY: begins with phk_/m);
  expect(faults.join('\n')).not.toContain('secret-of-mine');
  expect(readSettings({ port: 'x' }, { POSTHORN_ALLOW_PRIVATE_NETWORKS: 'maybe' })).toEqual({
    faults: [
      '--port (POSTHORN_PORT): must be a number',
      '--allow-private-networks (POSTHORN_ALLOW_PRIVATE_NETWORKS): must be true or false',
    ],
  });
});

test('networks are CIDRs or addresses, separated by commas', () => {
  expect(
    readSettings({ denyNetworks: '1.2.3.0/24' }, { POSTHORN_ALLOW_NETWORKS: '10.0.0.0/8, fd00::/8,::1' }),
  ).toMatchObject({
    settings: { allowNetworks: ['10.0.0.0/8', 'fd00::/8', '::1'], denyNetworks: ['1.2.3.0/24'] },
  });
  for (const bad of ['10.0.0.0/33', 'private', '10.0.0.0/8,,', '::ffff:10.0.0.0/104'])
    expect(readSettings({ allowNetworks: bad }, {})).toMatchObject({
      faults: [expect.stringContaining('--allow-networks (POSTHORN_ALLOW_NETWORKS): must be networks')],
    });
});

test('a variable that is not a setting is named with the one that it is most like, and never with its value', () => {
  const env = {
    POSTHORN_RETENTION_DAY: '7',
    POSTHORN_DATABASE_UR: 'postgres://u:secret@h/d',
    posthorn_port: '1',
    POSTHORN_PORT: '1',
    POSTHORN_URL: 'http://x',
    POSTHORN_SERVICE_HOST: '10.0.0.1',
    POSTHORN_PORT_8400_TCP: 'tcp://10.0.0.1:8400',
    PATH: '/bin',
  };
  expect(unknownVariables(env, settingVariables)).toEqual([
    { variable: 'POSTHORN_DATABASE_UR', nearest: 'POSTHORN_DATABASE_URL' },
    { variable: 'POSTHORN_RETENTION_DAY', nearest: 'POSTHORN_RETENTION_DAYS' },
    { variable: 'posthorn_port', nearest: 'POSTHORN_PORT' },
  ]);
  expect(readSettings({}, { POSTHORN_PORT: 'tcp://10.0.0.1:8400' })).toMatchObject({
    settings: { port: 8400 },
  });
});

test.each([
  ['127.0.0.1', true],
  ['127.1.2.3', true],
  ['localhost', true],
  ['::1', true],
  ['0.0.0.0', false],
  ['::', false],
  ['10.0.0.1', false],
  ['localhost.example.com', false],
])('%s is reached from this machine only: %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});
