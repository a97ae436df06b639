import { PosthornError } from '../domain/errors.ts';

/** The URL of a receiver in stored form, or a 422 that says what is wrong with it. */
export function receiverUrl(text: string, refuseHost: (hostname: string) => string | null): string {
  return calledUrl(text, refuseHost, '/url');
}

/** The same for another URL that Posthorn calls; `path`: its path in the body. */
export function calledUrl(
  text: string,
  refuseHost: (hostname: string) => string | null,
  path: string,
): string {
  const fault = (message: string): PosthornError =>
    new PosthornError('invalid_request', `${path} ${message}`, [{ path, message }]);
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw fault('must be an http or https URL');
  if (url.username !== '' || url.password !== '')
    throw fault('must not contain credentials; use headers or auth');
  if (url.hash !== '') throw fault('must not have a fragment');
  const refused = refuseHost(url.hostname);
  if (refused !== null) throw fault(refused);
  return url.href;
}

/** The URL of a mail server, with its credentials, or a 422. */
export function mailServerUrl(text: string, refuseHost: (hostname: string) => string | null): string {
  const url = URL.parse(text);
  const refused =
    url === null || (url.protocol !== 'smtp:' && url.protocol !== 'smtps:') || url.hostname === ''
      ? 'must be an smtp or smtps URL'
      : !isPercentEncoded(url.username + url.password)
        ? 'has an invalid % in user or password: write it as %25'
        : refuseHost(url.hostname);
  if (refused !== null)
    throw new PosthornError('invalid_request', `/server ${refused}`, [{ path: '/server', message: refused }]);
  return url!.href;
}

function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
