import { Command } from 'commander';
import type { SecretsRotation, SecretsStatus } from '@posthorn/client';
import type { Answer } from '../../contract/table.ts';
import { StoreOpenError } from '../../domain/errors.ts';
import { open } from '../../posthorn.ts';
import { nodeClock, systemClock } from '../../runtime/clock.ts';
import { systemRandom } from '../../runtime/random.ts';
import { addKey, keyFileIn } from '../../secrets/key-file.ts';
import { keyringIn, keyringToRead } from '../../secrets/open-keyring.ts';
import { newSecretKey } from '../../secrets/secret-key.ts';
import { ConfigWriter } from '../../service/config-writer.ts';
import { sealStored } from '../../service/seal-stored.ts';
import { rotateSecrets, secretsStatus } from '../../service/secrets.ts';
import { wireAnswer } from '../answers.ts';
import { operator } from '../operator.ts';
import { CommandError, note, print, printJson, table } from '../output.ts';
import { openToRead } from '../read-store.ts';
import { clientFrom, type RemoteOptions, remoteOptions } from '../remote.ts';

/** The same answers from a server and from a store. */
const statusFrom = ({
  key_id,
  locked_endpoints,
  removable_keys,
  ...rest
}: Answer<'secrets.status'>): SecretsStatus => ({
  ...rest,
  keyId: key_id,
  lockedEndpoints: locked_endpoints,
  removableKeys: removable_keys,
});

interface Options extends RemoteOptions {
  readonly dataDir?: string;
  readonly databaseUrl?: string;
  readonly plaintextSecrets?: boolean;
  readonly json?: boolean;
}

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const variable = (name: string): string | undefined =>
  process.env[name] === '' ? undefined : process.env[name];
const secretKey = (): string | undefined => variable('POSTHORN_SECRET_KEY');

/** The store that the options name; null: they mean a running server. */
function storeLocation({ dataDir, databaseUrl }: Options): string | null {
  if (dataDir !== undefined && databaseUrl !== undefined)
    throw new CommandError('give either --data-dir or --database-url, not both', 2);
  if (dataDir === '') throw new CommandError('--data-dir is empty: name a directory', 2);
  return dataDir ?? databaseUrl ?? null;
}

async function refused<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof StoreOpenError ? new CommandError(error.message, 2) : error;
  }
}

async function statusHere({ dataDir, databaseUrl }: Options): Promise<SecretsStatus> {
  const store = await openToRead(dataDir, databaseUrl);
  try {
    const keyring = keyringToRead(dataDir ?? null, { secretKey: secretKey() }, systemRandom);
    return statusFrom(await secretsStatus({ store, keyring }));
  } finally {
    await store.close();
  }
}

/** Rotates without a server: in a data directory whose server is stopped, or in a database. */
async function rotateHere(database: string, options: Options): Promise<SecretsRotation> {
  const toPlaintext = options.plaintextSecrets === true;
  const key = secretKey();
  const opened = await open({ database, ...(key === undefined ? {} : { secretKey: key }) });
  const { store } = opened;
  try {
    const clock = nodeClock(systemClock);
    const config = new ConfigWriter(store);
    const dataDir = options.dataDir;
    let { keyring } = opened;
    if (toPlaintext) keyring = keyring.decrypting();
    else if (
      dataDir !== undefined &&
      key === undefined &&
      opened.madeKeyFile === null &&
      (await isUpToDate(opened))
    ) {
      // An interrupted rotation continues with the key that it had created.
      addKey(dataDir, systemRandom);
      ({ keyring } = keyringIn(dataDir, {}, systemRandom));
      note(`a new key is in ${keyFileIn(dataDir)}: back it up, apart from the data`);
    }
    const deps = {
      store,
      config,
      keyring,
      clock,
      random: systemRandom,
      engine: { endpointChanged: () => {} },
    };
    await sealStored(deps, quiet);
    const { status, ...rotation } = await rotateSecrets(deps, operator());
    return { ...rotation, status: statusFrom(status) };
  } finally {
    await store.close();
  }
}

async function isUpToDate(opened: Awaited<ReturnType<typeof open>>): Promise<boolean> {
  const { keys, key_id: newest } = await secretsStatus(opened);
  return keys.every(({ id, secrets }) => secrets === 0 || id === newest);
}

function statusLines({
  keyId,
  keys,
  plaintext,
  lockedEndpoints: locked,
  removableKeys: removable,
}: SecretsStatus): string[] {
  const rows = keys.map(({ id, available, secrets }) => [
    id,
    id === keyId ? 'newest' : available ? 'former' : 'MISSING',
    secrets,
    removable.includes(id) ? 'can be removed' : '',
  ]);
  return [
    ...(rows.length === 0 ? [] : [table(['key', 'is', 'secrets', ''], rows)]),
    ...(plaintext === 0 ? [] : [`${plaintext} secrets are stored in clear.`]),
    ...(locked === 0
      ? []
      : [
          `${locked} endpoints have secrets that cannot be decrypted: add the missing key, or set the secrets again.`,
        ]),
    ...(removable.length === 0
      ? []
      : ['Keys that can be removed still verify older entries of the audit log: keep a copy elsewhere.']),
  ];
}

/** An operator has to act: exit code 1. */
function hasFinding({ keyId, keys, plaintext, lockedEndpoints }: SecretsStatus): boolean {
  return (
    (keyId !== null && plaintext > 0) ||
    lockedEndpoints > 0 ||
    keys.some(({ id, secrets }) => secrets > 0 && id !== keyId)
  );
}

const storeOptions = (command: Command): Command =>
  remoteOptions(command)
    .option('--data-dir <path>', 'read a data directory instead of a running server')
    .option('--database-url <url>', 'read a PostgreSQL database instead of a running server');

function generateCommand(): Command {
  return new Command('generate')
    .description('Print a new key for POSTHORN_SECRET_KEY')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  export POSTHORN_SECRET_KEY=$(posthorn secrets generate)')
    .action((options: { json?: boolean }) => {
      const key = newSecretKey(systemRandom);
      if (options.json === true) printJson({ secret_key: key });
      else print(key);
    });
}

function statusCommand(): Command {
  return storeOptions(new Command('status'))
    .description(
      'Show which keys encrypt the stored secrets (exit code 1 if any is not encrypted with the newest)',
    )
    .addHelpText('after', '\nExample:\n  posthorn secrets status --data-dir ./posthorn-data')
    .action(async (options: Options) => {
      const here = storeLocation(options) !== null;
      const status = here
        ? await refused(() => statusHere(options))
        : await clientFrom(options).secrets.status();
      if (options.json === true) printJson(wireAnswer('secrets.status', status));
      else for (const line of statusLines(status)) print(line);
      if (hasFinding(status)) process.exitCode = 1;
    });
}

function rotateCommand(): Command {
  return storeOptions(new Command('rotate'))
    .description('Encrypt all stored secrets with the newest key')
    .option('--plaintext-secrets', 'store them in clear instead; not with a running server')
    .addHelpText(
      'after',
      '\nA running server encrypts with the first key of its POSTHORN_SECRET_KEY. With --data-dir, stop the server first; without POSTHORN_SECRET_KEY, a new key is added to the key file.\n\nExample:\n  posthorn secrets rotate --data-dir ./posthorn-data',
    )
    .action(async (options: Options) => {
      const database = storeLocation(options);
      if (database === null && options.plaintextSecrets === true)
        throw new CommandError(
          '--plaintext-secrets needs --data-dir or --database-url, and a stopped server',
          2,
        );
      const rotation =
        database === null
          ? await clientFrom(options).secrets.rotate()
          : await refused(() => rotateHere(database, options));
      const { changed, unreadable, purged, status } = rotation;
      if (options.json === true) printJson(wireAnswer('secrets.rotate', rotation));
      else {
        print(`Encrypted again: ${changed} endpoints and settings.`);
        if (unreadable > 0) print(`${unreadable} secrets could not be decrypted and did not change.`);
        if (!purged)
          print(
            'The files may still contain secrets encrypted with a previous key: run this with the server stopped.',
          );
        for (const line of statusLines(status)) print(line);
      }
      if (unreadable > 0 || !purged) process.exitCode = 1;
    });
}

export function secretsCommand(): Command {
  return new Command('secrets')
    .addCommand(statusCommand())
    .addCommand(rotateCommand())
    .addCommand(generateCommand())
    .addHelpText('after', '\nExample, with --json for scripts:\n  posthorn secrets status --json');
}
