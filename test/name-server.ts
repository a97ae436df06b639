import { createSocket } from 'node:dgram';

/** The answer of a name server: addresses, "no such name", or none at all. */
export interface Zone {
  [name: string]: {
    A?: string[];
    AAAA?: string[];
    ttlS?: number;
    silent?: 'A' | 'AAAA' | 'all';
    fails?: boolean;
    delayMs?: number;
  };
}

export interface TestNameServer {
  /** `127.0.0.1:port`, as a resolver takes it. */
  readonly address: string;
  zone: Zone;
  /** `A plain.test`, in the order in which they came. */
  readonly questions: string[];
  close(): void;
}

function bytesOf(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail = ''] = address.split('::');
  const groups = (text: string): number[] =>
    text
      .split(':')
      .filter((group) => group !== '')
      .map((group) => Number.parseInt(group, 16));
  const [before, after] = [groups(head), groups(tail)];
  const all = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 255]));
}

/** The answer to one question, in the wire format of RFC 1035; null for silence. */
function answerTo(query: Buffer, zone: Zone, note: (question: string) => void): Buffer | null {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  const name = labels.join('.').toLowerCase();
  const type = query.readUInt16BE(at + 1) === 28 ? 'AAAA' : 'A';
  note(`${type} ${name}`);
  const entry = zone[name];
  if (entry?.silent === 'all' || entry?.silent === type) return null;
  const addresses = entry?.[type] ?? [];
  const code = entry === undefined ? 3 : entry.fails === true ? 2 : 0;
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  head.writeUInt16BE(0x8180 | code, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(code === 0 ? addresses.length : 0, 6);
  const records = (code === 0 ? addresses : []).map((address) => {
    const data = bytesOf(address);
    const record = Buffer.alloc(12);
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(type === 'A' ? 1 : 28, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(entry?.ttlS ?? 60, 6);
    record.writeUInt16BE(data.length, 10);
    return Buffer.concat([record, data]);
  });
  return Buffer.concat([head, query.subarray(12, at + 5), ...records]);
}

export async function aNameServer(zone: Zone): Promise<TestNameServer> {
  const socket = createSocket('udp4');
  let open = true;
  const server = {
    address: '',
    zone,
    questions: [] as string[],
    close: (): void => {
      open = false;
      socket.close();
    },
  };
  socket.on('message', (query, from) => {
    const answer = answerTo(query, server.zone, (question) => server.questions.push(question));
    if (answer === null) return;
    const delayMs = Math.max(0, ...Object.values(server.zone).map((entry) => entry.delayMs ?? 0));
    const send = (): void => {
      if (open) socket.send(answer, from.port, from.address);
    };
    if (delayMs === 0) send();
    else setTimeout(send, delayMs);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  server.address = `127.0.0.1:${socket.address().port}`;
  return server;
}
