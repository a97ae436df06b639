import { useEffect, useRef, useState } from 'react';
import { scriptUrl } from '../../script-url.ts';
import type { ReplayAnswer, ReplayRequest } from './replay.ts';
// Vite makes the module of a worker's address.
// oxlint-disable-next-line import/default
import workerUrl from './replay-worker.ts?worker&url';

/** Replays in a worker, the newest request only: what was asked meanwhile is not answered. */
export function useReplay(request: Omit<ReplayRequest, 'id'> | null): ReplayAnswer | null {
  const [answer, setAnswer] = useState<ReplayAnswer | null>(null);
  const worker = useRef<Worker | null>(null);
  const state = useRef<{ id: number; isBusy: boolean; next: Omit<ReplayRequest, 'id'> | null }>({
    id: 0,
    isBusy: false,
    next: null,
  });
  useEffect(() => {
    const its = new Worker(scriptUrl(workerUrl) as unknown as string);
    worker.current = its;
    state.current = { id: 0, isBusy: false, next: state.current.next };
    const send = (): void => {
      const { next } = state.current;
      if (next === null || state.current.isBusy) return;
      state.current = { id: state.current.id + 1, isBusy: true, next: null };
      its.postMessage({ id: state.current.id, ...next } satisfies ReplayRequest);
    };
    its.addEventListener('message', ({ data }: MessageEvent<ReplayAnswer>) => {
      state.current.isBusy = false;
      setAnswer(data);
      send();
    });
    send();
    return () => {
      its.terminate();
      worker.current = null;
    };
  }, []);
  const key = request === null ? '' : JSON.stringify([request.side, request.rules, request.incidents]);
  const counts = request?.counts;
  useEffect(() => {
    if (request === null) return;
    const its = worker.current;
    if (its === null || state.current.isBusy) {
      state.current.next = request;
      return;
    }
    state.current = { id: state.current.id + 1, isBusy: true, next: null };
    its.postMessage({ id: state.current.id, ...request } satisfies ReplayRequest);
    // The key and the counts identify the request.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [key, counts]);
  return answer;
}
