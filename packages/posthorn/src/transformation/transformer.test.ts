import { afterAll, describe, expect, test } from 'vitest';
import { systemClock } from '../runtime/clock.ts';
import { createLogger } from '../runtime/logger.ts';
import { isSimpleExpression } from './simple-expression.ts';
import { createTransformations } from './transformer.ts';

const transformations = createTransformations(systemClock, createLogger('silent'));
afterAll(() => transformations.close());

const occurredAt = Date.UTC(2026, 10, 20, 8, 15);
let owners = 0;
const run = async (expression: string, data: unknown, owner = `ep_${owners++}`, tenant = 'default') =>
  await transformations.transform({
    transformation: { language: 'jsonata', expression },
    owner: { tenant, id: owner },
    eventId: 'evt_1',
    eventType: 'payment.succeeded',
    occurredAt,
    data: typeof data === 'string' ? data : JSON.stringify(data),
  });
const inspect = (expression: string) =>
  transformations.inspect({ language: 'jsonata', expression }, 'default');

const payment = { object: { id: 'pi_1', amount: 1099, currency: 'usd', lines: [{ n: 1 }, { n: 2 }] } };

describe('an expression gives JSON', () => {
  test.each([
    ['object.{ "order": id, "total": amount / 100 }', '{"order":"pi_1","total":10.99}'],
    ['object.lines.n', '[1,2]'],
    ['$', JSON.stringify(payment)],
    ['{ "id": $event.id, "type": $event.type, "at": $event.timestamp }', expect.stringContaining('"evt_1"')],
    ['$toMillis("10:30", "[H]:[m]")', String(Date.UTC(2026, 10, 20, 10, 30))],
    ['$ ~> |object|{"amount": 1}, ["lines"]|', '{"object":{"id":"pi_1","amount":1,"currency":"usd"}}'],
    ['$sum(object.lines.n) & "!"', '"3!"'],
    ['$replace(object.id, /^pi_/, "")', '"1"'],
    ['$replace("a-b-c", /-([a-z])/, "$1$1")', '"abbcc"'],
    ['$match("Ab1 aB2", /(ab)(\\d)/i).groups', '["Ab","1","aB","2"]'],
    ['null', 'null'],
    ['[]', '[]'],
    ['$merge([object, {"constructor": 1, "__proto__": {"x": 1}}]).constructor', '1'],
  ])('%s', async (expression, data) => {
    expect(await run(expression, payment)).toEqual({ kind: 'data', data });
  });

  test('numbers that a double does not hold are copied as they were written', async () => {
    const data =
      '{"id": 12345678901234567890, "rate": 0.1000000000000000055, "small": 1e400, "n": 1.50, "m": 1E2}';
    expect(await run('$', data)).toEqual({
      kind: 'data',
      data: '{"id":12345678901234567890,"rate":0.1000000000000000055,"small":1e400,"n":1.5,"m":100}',
    });
    expect(await run('$ ~> |$|{"n": 2}|', data)).toMatchObject({
      data: expect.stringContaining('"id":12345678901234567890') as string,
    });
    expect(await run('id + 1', data)).toMatchObject({ kind: 'fault' });
  });
});

describe('G5: a missing result says why, without data', () => {
  test.each([
    ['missing', 'the expression returned no value'],
    ['$sum', 'the result contains a function'],
    ['[function($x) { $x }]', 'the result contains a function'],
    ['1 / 0', expect.stringMatching(/number/)],
    ['object.currency + 1', expect.stringMatching(/^the expression failed at position \d+ \(T2001\)$/)],
    ['$error(object.id)', expect.stringMatching(/^the expression failed at position \d+ \(D3137\)$/)],
    ['$pad("x", 300000)', 'the expression pads a text beyond the limit of a result'],
    ['$pad("x", 262144)', expect.stringMatching(/^the result is 262146 bytes/)],
  ])('%s', async (expression, fault) => {
    expect(await run(expression, payment)).toMatchObject({ kind: 'fault', fault });
  });

  test('who tries it out gets all of the message', async () => {
    expect(await run('$error(object.id)', payment)).toMatchObject({
      detail: expect.stringMatching(/pi_1/) as string,
    });
  });
});

test.each([
  ['object.', /position 7/],
  ['{"a": }', /position 7/],
  ['$now()', /\$now at position 4 is not available/],
  ['($f := $random; $f())', /\$random at position/],
  ['object.lines.$eval("1")', /\$eval/],
  ['$map([1], $shuffle)', /\$shuffle/],
  ['$match(a, /(?=x)y/)', /linear time/],
])('%s cannot be declared', async (expression, message) => {
  expect(await inspect(expression)).toMatch(message);
});

test.each([
  ['object.{ "order": id, "total": $round(amount / 100, 2) }', true],
  ['object.lines[sku = "a"].n', true],
  ['$event.id & "-" & object.id', true],
  ['$map(object.lines, $string)', false],
  ['[1..10]', false],
  ['($x := object.id; $x & $x)', false],
  ['$sum(object.lines.(n * n))', true],
  ['object ~> $keys', false],
  ['function($x) { $x }', false],
])('%s is simple: %s', (expression, isSimple) => {
  expect(isSimpleExpression(expression)).toBe(isSimple);
});

test('what can be declared', async () => {
  expect(await inspect('object.{ "order": id }')).toBeNull();
  expect(await inspect('(($x := function($n) { $n + 1 }; $x(1)))')).toBeNull();
});

describe('G8: hostile expressions end', () => {
  test.each([
    ['endless recursion', '($f := function($x) { $f($x) }; $f(1))', /100 ms/],
    ['deep recursion', '($f := function($x) { 1 + $f($x) }; $f(1))', /nests too deeply/],
    ['exponential', '($f := function($n) { $n < 2 ? 1 : $f($n - 1) + $f($n - 2) }; $f(40))', /100 ms/],
    ['a pattern', '$match("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", /^(a+)+$/)', /no value/],
    [
      'doubled lists',
      '($f := function($x, $n) { $n = 0 ? $x : $f([[$x], [$x]], $n - 1) }; $f([1], 40))',
      /ms|MB|large/,
    ],
    ['a huge list', '[1..9999999]', /D2014|D2015/],
    ['lists of lists', '[1..200000].([1..1000])', /ms|MB|bytes|D201/],
    ['a huge text', '$pad("x", 500000000)', /pads/],
    ['a text that needs more memory than there is', '$join([1..200000].($pad("x", 200000)))', /ms|MB|large/],
    [
      'a text that doubles',
      '($f := function($s, $n) { $n = 0 ? $s : $f($s & $s, $n - 1) }; $f("x", 40))',
      /ms|MB|large|failed/,
    ],
  ])('%s', { timeout: 60_000 }, async (_, expression, message) => {
    const answer = await run(expression, payment);
    expect(answer).toMatchObject({ kind: 'fault', fault: expect.stringMatching(message) as string });
    expect(await run('object.id', payment)).toEqual({ kind: 'data', data: '"pi_1"' });
  });

  test.each([
    '$.constructor.constructor("return process")()',
    '$string.constructor',
    '$lookup($, "__proto__")',
    'object.id.constructor',
    '$sum.implementation',
    '$.__proto__.polluted',
  ])('%s reaches nothing', async (expression) => {
    expect(await run(expression, payment)).toMatchObject({ kind: 'fault' });
  });

  test('nothing stays for the next', async () => {
    await run('{"__proto__": {"polluted": 1}}', payment);
    await run('$merge([{}, {"__proto__": {"polluted": 1}}])', payment);
    await run('($polluted := 1; $sum := 2; polluted)', payment);
    expect(await run('polluted', payment)).toMatchObject({ fault: 'the expression returned no value' });
    expect(await run('$polluted', payment)).toMatchObject({ fault: 'the expression returned no value' });
    expect(await run('$sum([1])', payment)).toEqual({ kind: 'data', data: '1' });
  });
});

test(
  'G8: an expression that never ends is suspended, and its endpoint alone',
  { timeout: 60_000 },
  async () => {
    const endless = '($f := function($x) { $f($x) }; $f(2))';
    let last = '';
    for (let tries = 0; tries < 4; tries++) {
      const answer = await run(endless, payment, 'ep_hostile');
      last = answer.kind === 'fault' ? answer.fault : answer.kind;
    }
    expect(last).toMatch(/suspended for \d+ s/);
    expect(await run(endless, payment, 'ep_other')).toMatchObject({
      fault: expect.stringMatching(/100 ms/) as string,
    });
  },
);

test(
  'G8: another tenant waits for one expression of a tenant, not for all',
  { timeout: 60_000 },
  async () => {
    const hostile = Array.from({ length: 300 }, (_, n) => `($f := function($x) { $f($x) }; $f(${n}))`);
    let ended = 0;
    const running = hostile.map((expression) =>
      run(expression, payment, undefined, 'hostile').then(() => ended++),
    );
    // As new as theirs, and nothing that is known to be quick by its looks.
    const answer = await run('$map(object.lines, function($line) { $line.n })', payment, undefined, 'other');
    expect(answer).toEqual({ kind: 'data', data: '[1,2]' });
    expect(ended).toBeLessThan(30);
    await Promise.all(running);
  },
);
