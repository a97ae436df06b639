import { expect, test } from 'vitest';
import { type ServerEvent, serverEvents } from './server-events.ts';

test('events are read however the text is cut, and comments are none', () => {
  const text = ':\n\nevent: hello\ndata: {"a":1}\n\nid: x.2\nevent: now\ndata: {"b":"c: d"}\n\nevent: cut';
  for (let size = 1; size < text.length; size++) {
    const found: ServerEvent[] = [];
    const read = serverEvents((event) => found.push(event));
    for (let at = 0; at < text.length; at += size) read(text.slice(at, at + size));
    expect(found).toEqual([
      { event: 'hello', id: null, data: '{"a":1}' },
      { event: 'now', id: 'x.2', data: '{"b":"c: d"}' },
    ]);
  }
});
