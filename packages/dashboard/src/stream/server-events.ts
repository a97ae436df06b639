/** One server-sent event. */
export interface ServerEvent {
  readonly event: string;
  readonly id: string | null;
  readonly data: string;
}

/** Reads server-sent events out of text that arrives in pieces. */
export function serverEvents(onEvent: (event: ServerEvent) => void): (text: string) => void {
  let rest = '';
  let fields: { id?: string; event?: string; data?: string } = {};
  const take = (line: string): void => {
    if (line === '') {
      const { event, id = null, data } = fields;
      fields = {};
      if (event !== undefined && data !== undefined) onEvent({ event, id, data });
      return;
    }
    const [, name, value = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
    if (name === 'id' || name === 'event' || name === 'data') fields[name] = value;
  };
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) take(line);
  };
}
