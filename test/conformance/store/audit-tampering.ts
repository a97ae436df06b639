import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AuditCheck, checkAuditLog } from '../../../packages/posthorn/src/ledger/audit-check.ts';
import { chained, sealOf } from '../../../packages/posthorn/src/store/audit-log.ts';
import { beginRedrive } from '../../../packages/posthorn/src/store/redrives.ts';
import { aRedrive, anEndpoint, anEvent, start } from '../../support.ts';
import { anEntry } from './auditing.ts';
import type { Tamperable } from './digests.ts';
import { noRoom } from './subject.ts';

/** Editing, removing, reordering or inserting an entry of the audit log is detected (G9). */
export function describeAuditTampering(name: string, open: () => Promise<Tamperable>): void {
  describe(`${name}: the chain of the audit log`, () => {
    let subject: Tamperable;
    beforeEach(async () => {
      subject = await open();
      await subject.store.write.appendAudit(
        [1, 2, 3, 4, 5, 6].map((n) => anEntry({ target: { kind: 'endpoint', id: `ep_${n}` } })),
      );
    });
    afterEach(async () => {
      await subject.close();
    });
    const check = async (known: { sequence: number; hash: string } | null = null): Promise<AuditCheck> =>
      await checkAuditLog(subject.store.read, { keys: [], known });
    const found = async (): Promise<readonly string[]> =>
      (await check()).findings.map(
        ({ sequence, through, problem }) =>
          `${sequence}${through === sequence ? '' : `-${through}`} ${problem}`,
      );

    test('G9: an untouched log is without findings', async () => {
      expect(await check()).toMatchObject({ entries: 6, unsealed: 6, findings: [] });
    });

    test.each([
      ['document', `document = replace(document, 'deploys', 'absent')`],
      ['document that is not JSON', `document = 'gone'`],
      ['hash', `hash = previous_hash`],
    ])('G9: an edited %s is found', async (_, set) => {
      await subject.run(`UPDATE audit_log SET ${set} WHERE sequence = 3`);
      expect((await found())[0]).toMatch(
        /^3 (does not match its hash|is not an entry that Posthorn wrote): it was edited/,
      );
      expect(
        (await subject.store.read.auditLog({}, { after: null, limit: 10 })).map(({ sequence }) => sequence),
      ).toEqual([6, 5, 4, 3, 2, 1]);
    });

    test.each([`actor = 'other'`, `action = 'other'`, `tenant = NULL`, `at = at + 1`, `target = 'ep_9'`])(
      'G9: a column that a filter would no longer find is found: %s',
      async (set) => {
        await subject.run(`UPDATE audit_log SET ${set} WHERE sequence = 3`);
        expect(await found()).toEqual([
          expect.stringMatching(/^3 is listed under other values than it has: it was edited/),
        ]);
      },
    );

    test('G9: removed entries are found: first, in the middle, several, and last', async () => {
      const missing = 'is missing: it was removed';
      await subject.run('DELETE FROM audit_log WHERE sequence = 1');
      expect(await found()).toEqual([`1 ${missing}`]);
      await subject.run('DELETE FROM audit_log WHERE sequence IN (3, 4)');
      expect(await found()).toEqual([`1 ${missing}`, `3-4 ${missing}`]);
      await subject.run('DELETE FROM audit_log WHERE sequence = 6');
      expect(await found()).toEqual([`1 ${missing}`, `3-4 ${missing}`, `6 ${missing}`]);
      await subject.run('DELETE FROM audit_log');
      expect(await found()).toEqual([`1-6 ${missing}`]);
    });

    test('G9: entries that have changed places are found', async () => {
      await subject.run('UPDATE audit_log SET sequence = 100 WHERE sequence = 2');
      await subject.run('UPDATE audit_log SET sequence = 2 WHERE sequence = 3');
      await subject.run('UPDATE audit_log SET sequence = 3 WHERE sequence = 100');
      expect((await found()).map((text) => text.slice(0, 15))).toEqual([
        '2-3 does not ma',
        // It follows the one that stands where it does not belong.
        '4 does not foll',
      ]);
    });

    test('G9: an inserted entry is found, wherever it stands', async () => {
      const columns = 'at, actor, action, target_kind, target, tenant, document, previous_hash, hash, seal';
      const copy = (to: number): string =>
        `INSERT INTO audit_log (sequence, ${columns}) SELECT ${to}, ${columns} FROM audit_log WHERE sequence = 4`;
      await subject.run(copy(7));
      expect(await found()).toEqual(['7 is after the last entry that the head knows: it was inserted']);
      await subject.run('UPDATE audit_head SET sequence = 7');
      expect((await found())[0]).toMatch(/^7 does not match its hash/);
      await subject.run('UPDATE audit_head SET sequence = 6');
      await subject.run('DELETE FROM audit_log WHERE sequence = 7');
      await subject.run(copy(0));
      expect(await found()).toEqual(['0 is before the first entry that is kept: it was inserted']);
    });

    test('G9: a head that was edited or removed is found, and nothing is changed without one', async () => {
      await subject.run(`UPDATE audit_head SET hash = first_previous_hash`);
      expect(await found()).toEqual([
        expect.stringMatching(/^6 has another hash than the head of the log says/),
      ]);
      await subject.run('DELETE FROM audit_head');
      expect(await found()).toEqual([expect.stringMatching(/^null the head of the log is missing/)]);
      await expect(subject.store.write.appendAudit([anEntry()])).rejects.toMatchObject({
        name: 'StoreFaultError',
      });
    });

    test('G4: a change whose entry cannot be written is not made', async () => {
      const { store } = subject;
      const endpoint = anEndpoint();
      await store.write.createEndpoint(endpoint);
      await store.write.accept([[anEvent({ id: 'pay-1' })]], noRoom);
      const { number } = (await store.read.deliveries({}, { after: null, limit: 1 }))[0]!;
      const redrive = { id: 'rdr_1', ...aRedrive, filter: {}, ratePerS: null, dryRun: false, now: start };
      await beginRedrive(store, { ...redrive, filter: { states: ['pending'] } });
      await subject.run('DELETE FROM audit_head');
      const { version } = await store.read.alerts();
      const changed = anEndpoint({ name: 'changed' });
      for (const change of [
        async () => store.write.cancelDelivery(number, 'no', start, anEntry()),
        async () => store.write.redriveDelivery(number, start, anEntry()),
        async () => store.write.replayEvent('default', 'pay-1', null, start, anEntry()),
        async () => store.write.acceptFor(anEvent({ id: 'test-1' }), endpoint.id, start, anEntry()),
        async () => beginRedrive(store, { ...redrive, id: 'rdr_2' }, anEntry()),
        async () => store.write.changeRedrive('rdr_1', { name: 'other' }, anEntry()),
        async () => store.write.pauseGone(endpoint.id, endpoint.url, start),
        async () =>
          store.write.saveAlerts({
            version,
            changed: [],
            forgotten: [],
            notifications: [],
            now: start,
            audit: [anEntry()],
          }),
        async () =>
          store.write.changeConfig({
            version: await store.read.configVersion(),
            now: start,
            createEndpoints: [changed],
            audit: [anEntry()],
          }),
      ])
        await expect(change()).rejects.toMatchObject({ name: 'StoreFaultError' });
      expect(await store.read.delivery(number)).toMatchObject({ state: 'pending' });
      expect(await store.read.deliveries({}, { after: null, limit: 9 })).toHaveLength(1);
      expect(await store.read.event('default', 'test-1')).toBeNull();
      expect(
        (await store.read.redrives({ kind: 'redrive', after: null, limit: 9 })).map(({ id, name: its }) => [
          id,
          its,
        ]),
      ).toEqual([['rdr_1', null]]);
      expect((await store.read.alerts()).version).toBe(version);
      expect(await store.read.endpoints({ after: null, limit: 9 })).toEqual([endpoint]);
    });

    test('G9: with a key, the log cannot be rewritten with access to the database alone', async () => {
      const { store } = subject;
      const key = randomBytes(32);
      const keys = [randomBytes(32), key];
      const sealed = async (): Promise<readonly string[]> =>
        (await checkAuditLog(store.read, { keys })).findings.map(
          ({ sequence, problem }) => `${sequence} ${problem}`,
        );
      await store.write.sealAuditLog(key);
      await store.write.appendAudit([anEntry(), anEntry()]);
      expect(await checkAuditLog(store.read, { keys })).toMatchObject({
        entries: 8,
        unsealed: 6,
        unchecked: 0,
        findings: [],
        head: { sealedFrom: 7 },
      });
      expect(await check()).toMatchObject({ unchecked: 2, findings: [] });
      // The whole log anew, as Posthorn would have written it, without its last entry: the hashes say nothing.
      await subject.run('DELETE FROM audit_log WHERE sequence = 7');
      const eighth = (await store.read.auditChain(7, 1)).rows[0]!;
      const sixth = (await store.read.auditChain(5, 1)).rows[0]!;
      const forged = chained(
        { ...(await check()).head!, sequence: 6, hash: sixth.hash },
        [anEntry({ actor: { kind: 'key', id: 'key_2', name: 'another one' } })],
        null,
      ).rows[0]!;
      const { document, previousHash, hash } = forged;
      await subject.run(
        `UPDATE audit_log SET sequence = 7, actor = 'key_2', document = '${document}', previous_hash = '${previousHash}', hash = '${hash}' WHERE sequence = 8`,
      );
      await subject.run(`UPDATE audit_head SET sequence = 7, hash = '${hash}'`);
      expect((await check()).findings).toEqual([]);
      expect(await sealed()).toEqual([
        expect.stringMatching(/^7 has a seal that none of the keys made/),
        expect.stringMatching(/^null the head of the log has a seal that none of the keys made/),
      ]);
      await subject.run('UPDATE audit_log SET seal = NULL WHERE sequence = 7');
      expect((await sealed())[0]).toMatch(/^7 is not sealed/);
      expect(eighth.seal).toBe(sealOf(key, eighth.hash));
    });

    test('G9: a log that was cut together with its head is found by an entry that it once had', async () => {
      const { head } = await check();
      const fifth = (await subject.store.read.auditChain(4, 1)).rows[0]!;
      await subject.run('DELETE FROM audit_log WHERE sequence = 6');
      await subject.run(`UPDATE audit_head SET sequence = 5, hash = '${fifth.hash}'`);
      // The database alone says nothing of it any more.
      expect(await found()).toEqual([]);
      const known = { sequence: head!.sequence, hash: head!.hash };
      expect((await check(known)).findings).toEqual([
        { sequence: 6, through: 6, problem: 'is missing: it was removed' },
      ]);
      await subject.store.write.appendAudit([anEntry()]);
      expect((await check(known)).findings).toEqual([
        { sequence: 6, through: 6, problem: 'has another hash than it once had: the log was recomputed' },
      ]);
      expect((await check({ sequence: 5, hash: fifth.hash })).findings).toEqual([]);
    });
  });
}
