import { expect, test } from 'vitest';
import { closedError } from './reason.ts';

test.each([
  ['require TLS (--tls, --ca) or a user', null, 'a user'],
  ['require a client certificate (--cert, --cert-key)', {}, null],
  ['refuse the client certificate', { cert: 'PEM', key: 'PEM' }, null],
])('a broker that closes the connection may %s', (wanted, tls, other) => {
  expect(closedError(new Error('closed'), tls, other).message).toBe(
    `the broker closed the connection: it may ${wanted}`,
  );
});

test('an alert says why, unless it is of a certificate that was not given', () => {
  const alert = Object.assign(new Error('alert'), { code: 'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE' });
  expect(closedError(alert, { cert: 'PEM', key: 'PEM' }, null)).toBe(alert);
  expect(closedError(alert, {}, null).message).toContain('require a client certificate');
});
