import type { Target } from './target.ts';
import type { OutboundRequest } from './transport.ts';

const token = /^[!#$%&'*+.^_`|~\w-]+$/;
/** Neither can end its line: what a caller puts into a header stays in it. */
// oxlint-disable-next-line no-control-regex
const forbidden = /[^\t\x20-\x7e\x80-\xff]/;

/** The head of a request: characters of Latin-1, one byte each. Throws where a header cannot be sent as it is. */
export function requestHead(target: Target, { headers, body }: OutboundRequest): string {
  let head = target.requestHead;
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    const value = headers[at + 1]!;
    if (!token.test(name)) throw new Error('Invalid header name.');
    if (forbidden.test(value)) throw new Error(`Invalid characters in the header ${name}.`);
    head += `${name}: ${value}\r\n`;
  }
  return `${head}content-length: ${body.length}\r\n\r\n`;
}
