import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { type Command } from 'commander';
import type { Tls } from '../../ingest/source.ts';
import { systemClock } from '../../runtime/clock.ts';
import { CommandError } from '../output.ts';

// Files that options name: what a library or OpenSSL would say of a wrong one names neither the file nor the fault.

export interface TlsOptions {
  readonly tls?: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly certKey?: string;
}

export const tlsOptions = (command: Command): Command =>
  command
    .option('--tls', 'connect with TLS, and never without')
    .option('--ca <file>', 'PEM file of the authorities to trust (default: those of Node.js)')
    .option('--cert <file>', 'PEM file of the client certificate')
    .option('--cert-key <file>', 'PEM file of its private key');

const wrongFile = (option: string, path: string, fault: string): CommandError =>
  new CommandError(`${option}: ${path} ${fault}`, 2);

function fileText(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CommandError(`${option}: ${(error as Error).message}`, 2);
  }
}

/** The text of a file with certificates, and the first of them. */
function certificates(
  option: string,
  path: string,
): { readonly pem: string; readonly first: X509Certificate } {
  const pem = fileText(option, path);
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw wrongFile(option, path, 'has no certificate in PEM');
  const parsed = blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch {
      throw wrongFile(option, path, `has a certificate that cannot be read (number ${index + 1})`);
    }
  });
  return { pem, first: parsed[0]! };
}

function privateKey(option: string, path: string) {
  const pem = fileText(option, path);
  if (/ENCRYPTED/.test(pem)) throw wrongFile(option, path, 'is encrypted: give the key without a passphrase');
  try {
    return { pem, key: createPrivateKey(pem) };
  } catch {
    throw wrongFile(option, path, 'has no private key in PEM');
  }
}

/** Reads and checks what options say of TLS; null: they say nothing. */
export function tlsFrom({ tls, ca, cert, certKey }: TlsOptions): Tls | null {
  if ((cert === undefined) !== (certKey === undefined))
    throw new CommandError('--cert and --cert-key belong together', 2);
  if (tls !== true && ca === undefined && cert === undefined) return null;
  const authorities = ca === undefined ? {} : { ca: certificates('--ca', ca).pem };
  if (cert === undefined || certKey === undefined) return authorities;
  const { pem, first } = certificates('--cert', cert);
  const { pem: keyPem, key } = privateKey('--cert-key', certKey);
  if (!first.checkPrivateKey(key)) throw wrongFile('--cert-key', certKey, `is not the key of ${cert}`);
  const until = first.validToDate;
  if (until.getTime() <= systemClock.now())
    throw wrongFile('--cert', cert, `expired on ${until.toISOString().slice(0, 10)}`);
  const identity = { cert: pem, key: keyPem };
  try {
    createSecureContext(identity);
  } catch (error) {
    const { reason, message } = error as Error & { readonly reason?: string };
    throw wrongFile('--cert', cert, `cannot be used: ${reason ?? message}`);
  }
  return { ...authorities, ...identity };
}

/** The text of a credentials file of NATS. */
export function credentialsText(path: string): string {
  const text = fileText('--credentials', path);
  if (!/BEGIN NATS USER JWT/.test(text) || !/BEGIN USER NKEY SEED/.test(text))
    throw wrongFile(
      '--credentials',
      path,
      'is not a credentials file of NATS (.creds), which has the JWT and the seed of a user',
    );
  return text;
}
