import { createHmac } from 'node:crypto';
import { Agent, createServer, request } from 'node:http';
import { type Job, type QueueName, queues } from './queues.ts';

// A webhook service as one writes it around a queue: `service.ts <queue> <port> <receiver> <store's URL>`. It takes an event,
// stores a job, and signs and posts it as Posthorn does. It lacks endpoints, an attempt log, a breaker and accounting.

const [name, port, receiver, storeUrl] = process.argv.slice(2) as [QueueName, string, string, string];
const secret = Buffer.from('0123456789abcdef0123456789abcdef');
const timeoutMs = 5000;
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

function deliver({ id, type, data }: Job): Promise<void> {
  const timestamp = Math.floor(Date.now() / 1000);
  const body = JSON.stringify({ id, type, timestamp, data });
  const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64');
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
    };
    const sent = request(receiver, { method: 'POST', agent, headers, timeout: timeoutMs }, (response) => {
      response.resume().on('end', () => {
        if (response.statusCode! < 300) resolve();
        else reject(new Error(`the receiver answered ${response.statusCode}`));
      });
    });
    sent.on('timeout', () => sent.destroy(new Error('timeout')));
    sent.on('error', reject);
    sent.end(body);
  });
}

const add = await queues[name](storeUrl, deliver);
let count = 0;
createServer((incoming, response) => {
  let body = '';
  incoming.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
  incoming.on('end', () => {
    const { type, data } = JSON.parse(body) as { type: string; data: unknown };
    const id = `evt_${process.pid}_${count++}`;
    add({ id, type, data }).then(
      () => response.writeHead(202).end(`{"id":"${id}"}`),
      () => response.writeHead(503).end(),
    );
  });
}).listen(Number(port), '127.0.0.1', () => process.send!('ready'));
