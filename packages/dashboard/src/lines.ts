import type { Line } from '../../posthorn/src/contract/table.ts';
import { endSession, type OperationId, Problem, problemFrom, queryText, type QueryValue } from './api.ts';
import { paths } from './generated/paths.ts';

async function refusalFrom(response: Response): Promise<Problem> {
  const problem = await problemFrom(response);
  if (problem.status === 401) endSession();
  return problem;
}

/**
 * Calls an operation in its form of lines: sends a file of them, which the browser reads as it sends it, and yields those of the
 * answer as they come. Rejects with `Problem`.
 */
export async function* callLines<Id extends OperationId>(
  id: Id,
  {
    query,
    body,
    signal,
  }: {
    readonly query: Readonly<Record<string, QueryValue>>;
    readonly body: Blob;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<Line<Id>> {
  const [method, path] = paths[id];
  const type = 'application/x-ndjson';
  let rest = '';
  const lineOf = (text: string): Line<Id> => JSON.parse(text) as Line<Id>;
  try {
    const response = await fetch(path + queryText(query), {
      method,
      headers: { accept: type, 'content-type': type },
      body,
      signal,
      credentials: 'same-origin',
      redirect: 'error',
    });
    if (!response.ok || response.body === null) throw await refusalFrom(response);
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
      rest = lines.pop()!;
      for (const line of lines) yield lineOf(line);
    }
  } catch (error) {
    if (error instanceof Problem || signal.aborted) throw error;
    throw new Problem(0, 'unreachable', 'The server did not answer to the end.');
  }
}
