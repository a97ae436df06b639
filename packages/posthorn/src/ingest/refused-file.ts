import { closeSync, fsyncSync, openSync, writeFileSync } from 'node:fs';
import type { Message, RefusedMessage } from './source.ts';

/** A file of JSON lines, one for each message that Posthorn refused, with all that is needed to publish it again. */
export interface RefusedFile {
  write(refused: readonly RefusedMessage[]): Promise<void>;
  close(): void;
}

/** Opens the file for appending; throws the system's error. */
export function openRefusedFile(path: string): RefusedFile {
  const fd = openSync(path, 'a', 0o600);
  return {
    write: (refused) => {
      writeFileSync(fd, refused.map((one) => `${JSON.stringify(lineFrom(one))}\n`).join(''));
      // The message is about to be committed: after that, this line is all there is of it.
      fsyncSync(fd);
      return Promise.resolve();
    },
    close: () => closeSync(fd),
  };
}

/** Text as text, and what is not UTF-8 as base64, under a name that says so. */
function textOrBytes(
  name: string,
  value: Uint8Array | string | null,
): Readonly<Record<string, string | null>> {
  if (value === null || typeof value === 'string') return { [name]: value };
  const bytes = Buffer.from(value);
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes)
    ? { [name]: text }
    : { [`${name}_base64`]: bytes.toString('base64') };
}

const lineFrom = ({ message, code, reason }: RefusedMessage<Message>): object => ({
  position: message.position,
  code,
  reason,
  subject: message.subject,
  at: message.at === null ? null : new Date(message.at).toISOString(),
  ...textOrBytes('key', message.key),
  fields: Object.assign(
    {},
    ...[...message.fields()].map(([name, value]) => textOrBytes(name, value)),
  ) as object,
  ...textOrBytes('body', message.body),
});
