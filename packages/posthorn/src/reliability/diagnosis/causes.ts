import type { ErrorClass } from '../../domain/attempt.ts';
import type { DiagnosisFacts } from './facts.ts';
import { duration, moment } from './words.ts';

/** Why every attempt fails: `says` follows the receiver's name, then what can be done about it. */
export interface Cause {
  readonly rule: string;
  readonly says: string;
  readonly nextStep: string;
}

type Failing = DiagnosisFacts & { readonly since: number };

interface CauseRule {
  readonly rule: string;
  readonly errorClass: ErrorClass;
  /** Status of the response; undefined: any. */
  readonly statusCodes?: readonly number[];
  readonly says: (facts: Failing, statusCode: number | null) => string;
  readonly nextStep: string;
}

/** ` (reason)`. */
const quoted = ({ lastMessage }: DiagnosisFacts): string => (lastMessage === null ? '' : ` (${lastMessage})`);

const isExpired = ({ certificateEndsAt, now }: DiagnosisFacts): boolean =>
  certificateEndsAt !== null && certificateEndsAt <= now;

/** The first rule that matches wins. */
const causeRules: readonly CauseRule[] = [
  {
    rule: 'dns',
    errorClass: 'dns',
    says: (facts) => `cannot be found: its name does not resolve${quoted(facts)}`,
    nextStep: 'Check the host in the URL and its DNS records.',
  },
  {
    rule: 'tls',
    errorClass: 'tls',
    says: (facts) =>
      isExpired(facts)
        ? `has failed every TLS handshake because its certificate expired ${moment(facts.certificateEndsAt!, facts.now)},`
        : `has failed every TLS handshake${quoted(facts)}`,
    nextStep: 'The receiver must renew or correct its certificate; nothing has to change here.',
  },
  {
    rule: 'refused',
    errorClass: 'connect',
    says: (facts) => `has not accepted any connection${quoted(facts)}`,
    nextStep: 'Check that the receiver runs and that its port is open to Posthorn.',
  },
  {
    rule: 'timeout',
    errorClass: 'timeout',
    says: ({ timeoutMs }) => `has not answered any attempt within ${duration(timeoutMs)}`,
    nextStep: 'The receiver should answer 2xx first and process afterwards; or raise timeout_ms.',
  },
  {
    rule: 'reset',
    errorClass: 'reset',
    says: () => 'has closed the connection of every attempt before answering',
    nextStep: 'Look for crashes, or for a proxy in front of the receiver that gives up.',
  },
  {
    rule: 'blocked_address',
    errorClass: 'blocked_address',
    says: (facts) => `resolves to an address that Posthorn may not call${quoted(facts)}`,
    nextStep: 'Correct the URL, or allow its network with --allow-networks.',
  },
  {
    rule: 'proxy',
    errorClass: 'proxy',
    says: (facts) => `has not been reached: the endpoint's proxy fails${quoted(facts)}`,
    nextStep: 'Check the proxy of the endpoint.',
  },
  {
    rule: 'token',
    errorClass: 'token',
    says: (facts) => `has not been called: its OAuth token server does not return a token${quoted(facts)}`,
    nextStep: 'Check the token URL, the client and its secret in auth.',
  },
  {
    rule: 'unauthorized',
    errorClass: 'http_4xx',
    statusCodes: [401, 403],
    says: (_, status) => `has refused Posthorn's credentials or signature with ${status} on every attempt`,
    nextStep: 'Compare the signing secret, auth and headers with what the receiver expects.',
  },
  {
    rule: 'not_found',
    errorClass: 'http_4xx',
    statusCodes: [404, 405],
    says: (_, status) => `has answered ${status} to every attempt, so nothing accepts webhooks at this path,`,
    nextStep: 'Correct the path of the URL, or deploy the route that is missing.',
  },
  {
    rule: 'client_error',
    errorClass: 'http_4xx',
    says: (_, status) => `has answered ${status ?? '4xx'} to every attempt, so it rejects what is sent,`,
    nextStep: "Read the receiver's answer below; it says what it rejects.",
  },
  {
    rule: 'rate_limited',
    errorClass: 'rate_limited',
    says: () => 'has answered 429 to every attempt, which asks for fewer requests,',
    nextStep: 'Set rate_limit_per_s to what the receiver can take.',
  },
  {
    rule: 'gone',
    errorClass: 'gone',
    says: () => 'has answered 410 Gone, which asks never to be called again,',
    nextStep: 'Change the URL, or delete the endpoint.',
  },
  {
    rule: 'redirect',
    errorClass: 'redirect',
    says: (_, status) =>
      `has answered every attempt with a redirect (${status ?? '3xx'}), which Posthorn never follows,`,
    nextStep: 'Set the URL to where the redirect leads.',
  },
  {
    rule: 'server_error',
    errorClass: 'http_5xx',
    says: (_, status) => `has answered ${status ?? '5xx'} to every attempt`,
    nextStep: 'Fix the receiver; Posthorn keeps retrying.',
  },
  {
    rule: 'protocol',
    errorClass: 'protocol',
    says: (facts) => `has not answered in valid HTTP${quoted(facts)}`,
    nextStep: 'Check what listens at this host and port.',
  },
  {
    rule: 'transformation',
    errorClass: 'transformation',
    says: (facts) => `has been sent nothing: the endpoint's transformation returns no data${quoted(facts)}`,
    nextStep: 'Correct the transformation; try it on stored events with POST /v1/transformations/dry-run.',
  },
  {
    rule: 'secrets',
    errorClass: 'secrets',
    says: (facts) => `has been sent nothing: a secret of the endpoint cannot be decrypted${quoted(facts)}`,
    nextStep: 'Restore the previous secret key, or set the secret and the headers again.',
  },
  {
    rule: 'internal',
    errorClass: 'internal',
    says: (facts) =>
      `has not been called because of an internal error or a fault of this machine${quoted(facts)}`,
    nextStep: "Read this server's log.",
  },
  {
    rule: 'corrupt',
    errorClass: 'corrupt',
    says: () => 'has not been sent an event that was changed on disk after it was accepted',
    nextStep: 'Run posthorn verify, and check the disk.',
  },
];

/** Returns why an endpoint fails, from its last failures; `since`: when they began. */
export function findCause(facts: DiagnosisFacts, since: number): Cause {
  const { answers, contact } = facts;
  const [first] = answers;
  const errorClass = first?.errorClass ?? contact?.lastErrorClass ?? 'internal';
  const statusCode = first?.statusCode ?? contact?.lastStatusCode ?? null;
  const found = causeRules.find(
    (one) =>
      one.errorClass === errorClass &&
      (one.statusCodes === undefined || (statusCode !== null && one.statusCodes.includes(statusCode))),
  )!;
  return { rule: found.rule, says: found.says({ ...facts, since }, statusCode), nextStep: found.nextStep };
}
