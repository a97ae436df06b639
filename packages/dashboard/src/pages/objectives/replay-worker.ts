import { createReplay, type ReplayAnswer, type ReplayRequest } from './replay.ts';

const replay = createReplay();

self.addEventListener('message', ({ data }: MessageEvent<ReplayRequest>) => {
  const begun = performance.now();
  const { id, ...request } = data;
  const outcomes = replay(request);
  self.postMessage({ id, outcomes, tookMs: performance.now() - begun } satisfies ReplayAnswer);
});
