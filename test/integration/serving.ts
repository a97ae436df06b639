import { startServing } from '../../packages/posthorn/src/cli/serve-process.ts';
import { readSettings, type Settings } from '../../packages/posthorn/src/config/settings.ts';
import type { Store } from '../../packages/posthorn/src/store/store.ts';
import { secretKey, tempDir } from '../support.ts';
import { createWireClient, type WireClient } from '../wire-client.ts';

export const apiKey = 'phk_test_0123456789abcdef';

/** PostgreSQL keeps no key of its own. */
const keyFor = ({ databaseUrl, plaintextSecrets }: Partial<Settings>): { secretKey?: string } =>
  databaseUrl === undefined || plaintextSecrets === true ? {} : { secretKey };

/** The whole of `posthorn serve` in this process, on a free port and its own directory. */
export async function serve(
  fields: Partial<Settings> = {},
  store?: Store,
  parts: Pick<Parameters<typeof startServing>[1] & object, 'clock' | 'transport'> = {},
): Promise<{ url: string; client: WireClient; dataDir: string; stop(): Promise<void> }> {
  const dataDir = fields.dataDir ?? tempDir();
  const read = readSettings(
    {
      port: 0,
      dataDir,
      apiKey,
      ...keyFor(fields),
      allowPrivateNetworks: true,
      logLevel: 'silent',
      ...fields,
    },
    {},
  );
  if ('faults' in read) throw new Error(read.faults.join());
  const serving = await startServing(read.settings, {
    ...(store === undefined ? {} : { store }),
    ...parts,
  });
  return {
    url: serving.url,
    client: createWireClient(serving.url, apiKey),
    dataDir,
    stop: async () => void (await serving.stop()),
  };
}
