import { workerScript } from './worker-script.ts';

// Imported before everything else of the library: what a bundler makes of some dependencies fails as soon as it is evaluated,
// with an error that says nothing of what to set.
workerScript('../store/sqlite/thread-worker', import.meta.url);
