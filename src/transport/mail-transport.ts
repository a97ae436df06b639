import { createTransport } from 'nodemailer';
import type { ErrorClass } from '../domain/attempt.ts';
import type { Clock } from '../runtime/clock.ts';
import type { AttemptResult, OutboundRequest, Transport } from './transport.ts';

/** The body of a request to a mail server. */
interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
}

/** nodemailer's error codes, in our words; SMTP's own answers are judged by their number. */
const classes: Readonly<Record<string, ErrorClass>> = {
  ETIMEDOUT: 'timeout',
  ECONNECTION: 'connect',
  ESOCKET: 'connect',
  EDNS: 'dns',
  ETLS: 'tls',
  EAUTH: 'http_4xx',
  EPROTOCOL: 'protocol',
};

function classOf({ code, responseCode }: { code?: string; responseCode?: number }): ErrorClass {
  // 4xx is "try again", 5xx "not like this" (RFC 5321, 4.2.1): the other way round than in HTTP.
  if (responseCode !== undefined) return responseCode >= 500 ? 'http_4xx' : 'http_5xx';
  return classes[code ?? ''] ?? 'internal';
}

/** Sends e-mail: a request's URL is the mail server (`smtp:` or `smtps:`, with its credentials), its body the mail. */
export function createMailTransport(options: { readonly clock: Clock }): Transport {
  const { clock } = options;
  return {
    post: async ({ url, headers, body, timeoutMs }: OutboundRequest): Promise<AttemptResult> => {
      const began = clock.monotonic();
      const result = (
        fields: Pick<AttemptResult, 'ok' | 'statusCode' | 'errorClass' | 'message'>,
      ): AttemptResult => ({
        ...fields,
        responseExcerpt: null,
        retryAfterMs: null,
        durationMs: clock.monotonic() - began,
      });
      const { from, to, subject, text } = JSON.parse(Buffer.from(body).toString()) as Mail;
      const { protocol, hostname, port, username, password } = new URL(url);
      const server = createTransport({
        host: hostname,
        port: Number(port === '' ? (protocol === 'smtps:' ? 465 : 587) : port),
        secure: protocol === 'smtps:',
        ...(username === ''
          ? {}
          : { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }),
        connectionTimeout: timeoutMs,
        greetingTimeout: timeoutMs,
        socketTimeout: timeoutMs,
        dnsTimeout: timeoutMs,
        // Nothing in a mail may make this process read a file or fetch an address.
        disableFileAccess: true,
        disableUrlAccess: true,
      });
      try {
        const id = headers[headers.indexOf('webhook-id') + 1]!;
        // The same mail keeps its id in every attempt, so that a mail program shows it once.
        const sent = await server.sendMail({
          from,
          to: [...to],
          subject,
          text,
          messageId: `<${id}@posthorn>`,
        });
        const code = Number(/^\d{3}/.exec(sent.response)?.[0] ?? 250);
        return result({ ok: true, statusCode: code, errorClass: null, message: null });
      } catch (error) {
        const { code, responseCode } = error as { code?: string; responseCode?: number };
        return result({
          ok: false,
          statusCode: responseCode ?? null,
          errorClass: classOf({
            ...(code === undefined ? {} : { code }),
            ...(responseCode === undefined ? {} : { responseCode }),
          }),
          // The server's words may quote the mail; its number says enough.
          message:
            responseCode === undefined ? (code ?? 'the mail could not be sent') : `SMTP ${responseCode}`,
        });
      } finally {
        server.close();
      }
    },
    close: async () => {},
  };
}

/** Sends by the scheme of the URL: mail servers by `mail`, everything else by `http`. */
export function bySchemeTransport(http: Transport, mail: Transport): Transport {
  return {
    post: (request) => (request.url.startsWith('smtp') ? mail : http).post(request),
    close: async () => {
      await Promise.all([http.close(), mail.close()]);
    },
  };
}
