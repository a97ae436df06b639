import { expect, test } from 'vitest';
import type { Alert } from '../../../packages/posthorn/src/domain/alert.ts';
import { start } from '../../support.ts';
import type { Tamperable } from './digests.ts';

const alert = (id: string, group: string, evidence: Alert['evidence']): Alert => ({
  id,
  rule: 'burn_rate',
  group,
  severity: 'page',
  state: 'firing',
  owner: 'payments',
  summary: 'the sender spends its error budget 14.4 times as fast as allowed',
  evidence,
  since: start,
  resolvedAt: null,
  acknowledgedAt: start + 1,
  notifiedAt: start,
  notifiedSeverity: 'page',
});

/** An alert that fires goes on under the words of now: it is not resolved and raised again. */
export function describeAlertWords(name: string, open: () => Promise<Tamperable>, migration: string): void {
  test(`${name}: a stored alert that called the sender's side ours calls it sender`, async () => {
    const { store, run, close } = await open();
    const receiver = alert('alr_2', 'payments/receiver', { fault_domain: 'receiver', bad: 1 });
    const other = alert('alr_3', 'ep_1/ours', { bad: 2 });
    const changed = [
      alert('alr_1', 'payments/ours', { objective: 'payments', fault_domain: 'ours', bad: 3 }),
      receiver,
      other,
    ];
    await store.write.saveAlerts({ version: 0, changed, forgotten: [], notifications: [], now: start });
    await run(migration);
    await run(migration);
    const sender = alert('alr_1', 'payments/sender', {
      objective: 'payments',
      fault_domain: 'sender',
      bad: 3,
    });
    expect((await store.read.alerts()).alerts).toEqual([sender, receiver, other]);
    await close();
  });
}
