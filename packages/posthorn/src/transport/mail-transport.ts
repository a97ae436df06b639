import { connect, type LookupFunction, type Socket } from 'node:net';
import type * as Nodemailer from 'nodemailer';
import { messageIdText } from '../domain/header-text.ts';
import type { ErrorClass } from '../domain/attempt.ts';
import type { Clock } from '../runtime/clock.ts';
import { missingPackages, notInstalled } from '../runtime/optional-package.ts';
import { type AddressGuard, createAddressGuard, guardedLookup, type GuardOptions } from './address-guard.ts';
import { classifyError } from './classify.ts';
import { lookupFunction, systemNames } from './name-lookup.ts';
import type { AttemptResult, OutboundRequest, Transport } from './transport.ts';

export interface MailTransportOptions extends GuardOptions {
  readonly clock: Clock;
  /** Default: one of the guard's options beside it; public addresses only if there are none. */
  readonly guard?: AddressGuard;
  /** Default: as this machine's name servers and hosts file know names. */
  readonly lookup?: LookupFunction;
}

/** The body of a request to a mail server. */
interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
}

/** Optional. Not a literal where it is imported: a bundler that follows it would fail where it is not installed. */
const mailer: string = 'nodemailer';
/** A server that answers with more than this talks nonsense. */
const maxResponseBytes = 64 * 1024;

/** nodemailer's error codes as error classes; SMTP's own answers are classed by their number. */
const classes: Readonly<Record<string, ErrorClass>> = {
  ECONNECTION: 'connect',
  ESOCKET: 'connect',
  EDNS: 'dns',
  ETLS: 'tls',
  EAUTH: 'http_4xx',
  EPROTOCOL: 'protocol',
  EENVELOPE: 'http_4xx',
};

interface MailError {
  readonly code?: string;
  /** The system's or OpenSSL's, where nodemailer gave the error one of its own. */
  readonly originalCode?: string;
  readonly responseCode?: number;
  readonly message: string;
}

function mailErrorClass({ code = '', originalCode, responseCode }: MailError): ErrorClass {
  // 4xx is "try again", 5xx "not like this" (RFC 5321, 4.2.1): the other way round than in HTTP.
  if (responseCode !== undefined) return responseCode >= 500 ? 'http_4xx' : 'http_5xx';
  // If the cause is unknown, the server's answer is the likely one: it must not count as ours.
  const known = classes[code];
  if (known !== undefined && originalCode === undefined) return known;
  return classifyError({ code: originalCode ?? code }, known ?? 'protocol').errorClass;
}

/** What a request's URL says: the server, and the credentials for it. */
function serverFrom(url: string): {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  readonly auth: { readonly user: string; readonly pass: string } | null;
} {
  const { protocol, hostname, port, username, password } = new URL(url);
  const secure = protocol === 'smtps:';
  return {
    host: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
    port: Number(port === '' ? (secure ? 465 : 587) : port),
    secure,
    auth: username === '' ? null : { user: decoded(username), pass: decoded(password) },
  };
}

/** A percent sign that encodes nothing is itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** One conversation with a mail server, over a connection of ours, so the guard checks its address, and one limit bounds it. */
class Conversation {
  readonly #abort = new AbortController();
  readonly #cancel: () => void;
  #socket: Socket | null = null;
  /** What ended it, where that was not the server. */
  ended: Pick<AttemptResult, 'errorClass' | 'message'> | null = null;

  constructor(clock: Clock, timeoutMs: number) {
    this.#cancel = clock.after(timeoutMs, () => {
      this.ended = { errorClass: 'timeout', message: `the mail was not accepted within ${timeoutMs} ms` };
      this.#abort.abort();
      this.#socket?.destroy();
    });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Connects, once the guard has passed the address; with the callback that nodemailer's `getSocket` has. */
  open(
    { host, port }: { host: string; port: number },
    guard: AddressGuard,
    lookup: LookupFunction,
    done: (error: Error | null, options?: { connection: Socket }) => void,
  ): void {
    const refused = guard.refusesHost(host);
    if (refused !== null) {
      done(refused);
      return;
    }
    const socket = connect({ host, port, lookup: guardedLookup(guard, lookup) });
    this.#socket = socket;
    // An error after the conversation must not end the process.
    socket.on('error', () => {});
    socket.once('error', done);
    socket.once('connect', () => {
      socket.off('error', done);
      done(null, { connection: socket });
    });
  }

  close(): void {
    this.#cancel();
    this.#socket?.destroy();
  }
}

function failure(error: MailError): Pick<AttemptResult, 'statusCode' | 'errorClass' | 'message'> {
  const { code = '', originalCode = code, responseCode, message } = error;
  const errorClass = mailErrorClass(error);
  // The server's words may quote the mail; its number, or a code, says enough.
  const words =
    responseCode === undefined ? originalCode || 'the mail could not be sent' : `SMTP ${responseCode}`;
  return {
    statusCode: responseCode ?? null,
    errorClass,
    message: originalCode.startsWith('POSTHORN_') ? message.slice(0, 300) : words,
  };
}

/** Why no email can be sent from here; null where it can. `posthorn` does not install what only email needs. */
export function mailFault(): string | null {
  const missing = missingPackages([mailer], import.meta.url);
  return missing.length === 0 ? null : notInstalled(missing);
}

/** Sends email: a request's URL is the mail server (`smtp:` or `smtps:`, with its credentials), its body the mail. */
export function createMailTransport(options: MailTransportOptions): Transport {
  const {
    clock,
    guard = createAddressGuard(options),
    lookup = lookupFunction(systemNames(clock), ''),
  } = options;
  return {
    post: async ({ url, headers, body, timeoutMs }: OutboundRequest): Promise<AttemptResult> => {
      const began = clock.monotonic();
      const result = (
        fields: Pick<AttemptResult, 'statusCode' | 'errorClass' | 'message'>,
      ): AttemptResult => ({
        ...fields,
        ok: fields.errorClass === null,
        responseExcerpt: null,
        retryAfterMs: null,
        durationMs: clock.monotonic() - began,
      });
      const fault = mailFault();
      if (fault !== null)
        return result({ statusCode: null, errorClass: 'internal', message: `email ${fault}` });
      const { createTransport }: typeof Nodemailer = await import(/* webpackIgnore: true */ mailer);
      const { from, to, subject, text } = JSON.parse(Buffer.from(body).toString()) as Mail;
      const { host, port, secure, auth } = serverFrom(url);
      const conversation = new Conversation(clock, timeoutMs);
      const server = createTransport({
        host,
        port,
        secure,
        ...(auth === null ? {} : { auth }),
        getSocket: (
          _options: unknown,
          done: (error: Error | null, options?: { connection: Socket }) => void,
        ) => conversation.open({ host, port }, guard, lookup, done),
        // The conversation has one limit; these are its backstop.
        connectionTimeout: timeoutMs,
        greetingTimeout: timeoutMs,
        socketTimeout: timeoutMs,
        maxResponseSize: maxResponseBytes,
        // Nothing in a mail may make this process read a file or fetch an address.
        disableFileAccess: true,
        disableUrlAccess: true,
      } as Parameters<typeof createTransport>[0]);
      try {
        const id = headers[headers.indexOf('webhook-id') + 1]!;
        const { response } = await server.sendMail({
          from,
          to: [...to],
          subject,
          text,
          // The same mail keeps its id in every attempt, so that a mail program shows it once.
          messageId: `<${messageIdText(id)}@posthorn>`,
          signal: conversation.signal,
        } as Parameters<typeof server.sendMail>[0]);
        const code = Number(/^\d{3}/.exec(response as string)?.[0] ?? 250);
        return result({ statusCode: code, errorClass: null, message: null });
      } catch (error) {
        return result(
          conversation.ended === null
            ? failure(error as MailError)
            : { ...conversation.ended, statusCode: null },
        );
      } finally {
        conversation.close();
        server.close();
      }
    },
    close: async () => {},
  };
}

/** Sends by the scheme of the URL: mail servers by `mail`, everything else by `http`. */
export function bySchemeTransport(http: Transport, mail: Transport): Transport {
  return {
    capacity: http.capacity,
    post: (request) => (request.url.startsWith('smtp') ? mail : http).post(request),
    close: async () => {
      await Promise.all([http.close(), mail.close()]);
    },
  };
}
