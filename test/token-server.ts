import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TokenRequest {
  readonly authorization: string | undefined;
  readonly form: URLSearchParams;
}

export interface TokenServer {
  readonly url: string;
  readonly requests: TokenRequest[];
  close(): Promise<void>;
}

/** A real OAuth 2 token server; by default its tokens are `token-1`, `token-2`, … and last for an hour. */
export async function aTokenServer(
  answer: (response: ServerResponse, nth: number) => void = (response, nth) =>
    response.end(JSON.stringify({ access_token: `token-${nth}`, token_type: 'Bearer', expires_in: 3600 })),
): Promise<TokenServer> {
  const requests: TokenRequest[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      requests.push({ authorization: request.headers.authorization, form: new URLSearchParams(body) });
      response.setHeader('content-type', 'application/json');
      answer(response, requests.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    requests,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
