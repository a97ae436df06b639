import { expect, test } from 'vitest';
import { withShownPaths, withShownUrls } from './shown-url.ts';

test.each([
  ['https://shop.example.com/hooks/1?sig=abc&ts=1#top', 'https://shop.example.com/hooks/1'],
  ['https://user:p%40ss@shop.example.com:8443/hooks', 'https://shop.example.com:8443/hooks'],
  ['postgres://u:p@ss@db:5432/app?sslmode=require', 'postgres://db:5432/app'],
  ['https://a.example?k=1', 'https://a.example'],
  ['https://a.example/x@y', 'https://a.example/x@y'],
  [
    'connect to "https://u:p@a.example/x?k=1" failed, see http://b.example/?q#f.',
    'connect to "https://a.example/x" failed, see http://b.example/',
  ],
  ['HTTPS://A.example/X?K=1', 'HTTPS://A.example/X'],
  ['nothing to hide? no', 'nothing to hide? no'],
  ['arn:aws:sns:eu-west-1:1:topic', 'arn:aws:sns:eu-west-1:1:topic'],
])('%s is shown as %s', (text, shown) => {
  expect(withShownUrls(text)).toBe(shown);
});

test('paths of a log lose their queries too, and nothing else does', () => {
  expect(withShownPaths('/hooks/1?token=abc')).toBe('/hooks/1');
  expect(withShownPaths('POST /hooks/1?token=abc HTTP/1.1')).toBe('POST /hooks/1 HTTP/1.1');
  expect(withShownPaths('and/or? yes')).toBe('and/or? yes');
});
