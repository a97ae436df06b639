import { createServer } from 'node:net';

// `--host 0.0.0.0`: every address of 127.0.0.0/8 is an origin of its own.
// A receiver as cheap as can be: it reads requests with content-length and answers 200. It runs in a process of
// its own, so that its work is not counted to the sender. Its first line of output is its port.

const answer = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
const lengthHeader = /content-length: *(\d+)/i;
/** Sent back on request: latencies in ms from the time in a payload to its first byte here. */
const latencies: number[] = [];
const sentAt = /"sent_at":(\d+\.?\d*)/;
/** Requests that were answered, or will be after the delay. */
let answered = 0;
const timing = process.argv.includes('--latency');
/** `--delay 50`: answers 50 ms late, as a receiver far away does. */
const delayMs = process.argv.includes('--delay')
  ? Number(process.argv[process.argv.indexOf('--delay') + 1])
  : 0;

const server = createServer((socket) => {
  let left = 0;
  let silent = false;
  let rest: Buffer | null = null;
  socket.setNoDelay(true);
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    const arrived = timing ? performance.timeOrigin + performance.now() : 0;
    const data = rest === null ? chunk : Buffer.concat([rest, chunk]);
    rest = null;
    if (timing) {
      const sent = sentAt.exec(data.toString('latin1'));
      if (sent !== null) latencies.push(arrived - Number(sent[1]));
    }
    for (let at = 0; at < data.length;) {
      if (left > 0) {
        const taken = Math.min(left, data.length - at);
        left -= taken;
        at += taken;
      } else {
        const end = data.indexOf('\r\n\r\n', at);
        if (end < 0) {
          rest = data.subarray(at);
          return;
        }
        const head = data.toString('latin1', at, end);
        silent = head.startsWith('POST /silent');
        left = Number(lengthHeader.exec(head)?.[1] ?? 0);
        at = end + 4;
      }
      // A path that is never answered: the sender has to give up by itself.
      if (left === 0 && !silent) {
        answered++;
        if (delayMs > 0) setTimeout(() => socket.write(answer), delayMs);
        else socket.write(answer);
      }
    }
  });
});
const host = process.argv.includes('--host')
  ? process.argv[process.argv.indexOf('--host') + 1]!
  : '127.0.0.1';
server.listen(0, host, () => {
  const { port } = server.address() as { port: number };
  process.stdout.write(`${port}\n`);
});
process.on('message', (asked) => process.send?.(asked === 'count' ? answered : latencies.splice(0)));
