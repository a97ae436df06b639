/** What is known of an event type: how many of it were accepted in 30 days. */
export interface KnownType {
  readonly type: string;
  readonly count: number;
  readonly isDeclared: boolean;
}

export interface PatternHint {
  readonly text: string;
  /** What was probably meant. */
  readonly instead: string | null;
}

/** `*`, an exact type, or a trailing wildcard, as the server matches them. */
function takes(pattern: string, type: string): boolean {
  return (
    pattern === '*' || pattern === type || (pattern.endsWith('.*') && type.startsWith(pattern.slice(0, -1)))
  );
}

/** What a pattern takes of the known types; a hint where it takes none. */
export function patternHint(pattern: string, known: readonly KnownType[]): PatternHint {
  const taken = known.filter(({ type }) => takes(pattern, type));
  if (taken.length > 0) {
    const count = taken.reduce((sum, one) => sum + one.count, 0);
    return {
      text: `${pattern} takes ${taken.length} known ${taken.length === 1 ? 'type' : 'types'}, ${count.toLocaleString('en-US')} deliveries in 30 days.`,
      instead: null,
    };
  }
  const wider = `${pattern.replace(/\.?\*?$/, '')}.*`;
  const isMeant = known.some(({ type }) => takes(wider, type));
  return {
    text: `${pattern} matches nothing that was seen or declared.`,
    instead: isMeant && wider !== pattern ? wider : null,
  };
}
