export { everything } from '../store/accounting.ts';
export { isLeap, refuseFormer } from '../store/leap.ts';
export { beginRedrive } from '../store/redrives.ts';
export type {
  AcceptAnswer,
  AcceptOptions,
  Beat,
  FailingChange,
  FanOutRequest,
  Hints,
  NodeRecord,
  PruneRequest,
  SettleAnswer,
  Settlement,
  Store,
} from '../store/store.ts';
