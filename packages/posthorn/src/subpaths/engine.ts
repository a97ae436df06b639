export { createEngine } from '../engine/engine.ts';
export { defaultRetention, type Retention } from '../engine/housekeeping.ts';
export type { Engine } from '../engine/port.ts';
export { deliveryLines } from '../ledger/delivery-log.ts';
export { reconcile } from '../ledger/reconciler.ts';
export { plainKeyring } from '../secrets/keyring.ts';
export { newSecret, parseSecret, sign } from '../signing/standard-webhooks.ts';
export { classifyStatus } from '../transport/classify.ts';
export type { AttemptResult, OutboundRequest, Transport } from '../transport/transport.ts';
