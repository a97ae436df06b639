import { expect, test } from 'vitest';
import { openingError, requireReadableUrl } from './opening.ts';
import { serverUrls } from './servers.ts';

const several = 'postgresql://me:a%2Cb@one:5432,[::1]:5433,three/app?target_session_attrs=read-write';

test('a URL of several servers gives one for each; of one server, itself', () => {
  expect(serverUrls(several)).toEqual([
    'postgresql://me:a%2Cb@one:5432/app?target_session_attrs=read-write',
    'postgresql://me:a%2Cb@[::1]:5433/app?target_session_attrs=read-write',
    'postgresql://me:a%2Cb@three/app?target_session_attrs=read-write',
  ]);
  for (const url of ['postgres://db/app', 'postgres:///app?host=/tmp', 'postgres://me:a,b@db/app'])
    expect(serverUrls(url)).toEqual([url]);
});

test('several servers are readable, a standby is not asked for, and an error names them without the password', () => {
  expect(() => requireReadableUrl(several)).not.toThrow();
  expect(() => requireReadableUrl('postgres://one:5432,two:port/app')).toThrow('cannot be read');
  expect(() => requireReadableUrl('postgres://one,two/app?target_session_attrs=standby')).toThrow(
    'use primary or read-write',
  );
  const { message } = openingError(new Error('no a,b for you'), several);
  expect(message).toContain('app at one:5432, [::1]:5433, three:5432');
  expect(message).not.toContain('a,b');
});
