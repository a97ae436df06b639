import { expect, test } from 'vitest';
import { parseTrace, formatTraceparent } from './trace.ts';

const id = '4bf92f3577b34da6a3ce929d0e0e4736';
const span = '00f067aa0ba902b7';

test('a publisher’s context is read and continued', () => {
  const context = parseTrace(`00-${id}-${span}-01`, 'vendor=a,other=b');
  expect(context).toEqual({ traceId: id, spanId: span, flags: 1, state: 'vendor=a,other=b' });
  expect(formatTraceparent(context!)).toBe(`00-${id}-${span}-01`);
  expect(formatTraceparent({ ...context!, flags: 2 })).toBe(`00-${id}-${span}-00`);
});

test('of a later version the known beginning is read', () => {
  expect(parseTrace(`cc-${id}-${span}-01-what-the-future-holds`, undefined)).toMatchObject({ traceId: id });
});

test.each([
  undefined,
  ['00', '01'],
  '',
  `ff-${id}-${span}-01`,
  `00-${'0'.repeat(32)}-${span}-01`,
  `00-${id}-${'0'.repeat(16)}-01`,
  `00-${id.toUpperCase()}-${span}-01`,
  `00-${id}-${span}-01-more`,
  `00-${id}-${span}`,
])('what is not valid is as good as missing: %s', (header) => {
  expect(parseTrace(header, 'a=b')).toBeNull();
});

test.each(['x'.repeat(513), 'a=\u00e9', ''])('a state that cannot be passed on is left behind', (state) => {
  expect(parseTrace(`00-${id}-${span}-00`, state)).toMatchObject({ flags: 0, state: null });
});
