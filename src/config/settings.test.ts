import { expect, test } from 'vitest';
import { readSettings } from './settings.ts';

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

test('every fault names the option and the variable, and none shows a key', () => {
  const read = readSettings({ port: '70000', logLevel: 'loud' }, { POSTHORN_API_KEY: 'secret-of-mine' });
  const faults = 'faults' in read ? read.faults : [];
  expect(faults).toHaveLength(3);
  expect(faults.join('\n')).toMatch(/--port \(POSTHORN_PORT\)/);
  expect(faults.join('\n')).toMatch(/--log-level \(POSTHORN_LOG_LEVEL\)/);
  expect(faults.join('\n')).toMatch(/--api-key \(POSTHORN_API_KEY\): begins with phk_/);
  expect(faults.join('\n')).not.toContain('secret-of-mine');
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
