export { type AccountingGroup, everything, unaccountedOf } from '../store/accounting.ts';
export { hoursOf } from '../store/folding.ts';
export { isLeap, refuseFormer } from '../store/leap.ts';
export { beginRedrive } from '../store/redrives.ts';
export type {
  AcceptAnswer,
  AcceptOptions,
  Beat,
  FailingChange,
  FanOutRequest,
  Gone,
  Hints,
  NodeRecord,
  PruneRequest,
  SettleAnswer,
  Settlement,
  Store,
} from '../store/store.ts';
