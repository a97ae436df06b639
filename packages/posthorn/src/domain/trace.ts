/** A place in a distributed trace (W3C Trace Context). */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits: the span that what comes next belongs to. */
  readonly spanId: string;
  /** Bit 0: this trace is recorded. */
  readonly flags: number;
  /** What tracing systems pass on to each other, as received. */
  readonly state: string | null;
}

const traceparent = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const maxStateLength = 512;

/**
 * A publisher's headers as a context; null where they are missing or not valid, which the standard has us treat alike.
 * For a version after 00, its known beginning is read.
 */
export function parseTrace(parent: unknown, state: unknown): TraceContext | null {
  if (typeof parent !== 'string') return null;
  const [, traceId, spanId, flags, more] = traceparent.exec(parent) ?? [];
  if (traceId === undefined || (more !== undefined && parent.startsWith('00'))) return null;
  const fits = typeof state === 'string' && state.length <= maxStateLength && /^[\x20-\x7e]+$/.test(state);
  return { traceId, spanId: spanId!, flags: Number.parseInt(flags!, 16), state: fits ? state : null };
}

/** The header that continues a trace. */
export function formatTraceparent({ traceId, spanId, flags }: TraceContext): string {
  return `00-${traceId}-${spanId}-${(flags & 1).toString(16).padStart(2, '0')}`;
}
