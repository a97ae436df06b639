import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { authority, server as serverCertificate } from './certificates.ts';

/** Starts a receiver that demands a client certificate of the test's authority, and notes the names of clients. */
export async function startMutualReceiver() {
  const clients: string[] = [];
  const receiver = createServer(
    { ...serverCertificate, ca: authority.cert, requestCert: true, rejectUnauthorized: true },
    (request, response) => {
      request.resume();
      clients.push(String((request.socket as TLSSocket).getPeerCertificate().subject.CN));
      response.end('ok');
    },
  );
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const close = (): void => {
    receiver.close();
    receiver.closeAllConnections();
  };
  return { url: `https://localhost:${(receiver.address() as AddressInfo).port}/hook`, clients, close };
}
