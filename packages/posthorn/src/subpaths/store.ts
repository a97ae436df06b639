export { everything } from '../store/accounting.ts';
export { isLeap, refuseFormer } from '../store/leap.ts';
export { beginRedrive } from '../store/redrives.ts';
export { aroundCalls, type StoreMethod } from '../store/store-calls.ts';
export type {
  AcceptAnswer,
  AcceptOptions,
  Heartbeat,
  FailingChange,
  FanOutRequest,
  Hints,
  NodeRecord,
  PruneRequest,
  SettleAnswer,
  Settlement,
  Store,
  StoreWrite,
} from '../store/store.ts';
