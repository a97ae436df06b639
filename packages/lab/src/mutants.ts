import type { Receipt } from 'posthorn/domain';
import type { Database } from 'posthorn/sqlite';
import type { AcceptAnswer, Settlement } from 'posthorn/store';
import type { Mutant } from './mutant.ts';

// Posthorn with one guard taken out, each as real services have it. A lab that does not catch them proves nothing.

const never = Date.UTC(2200, 0, 1);
const readRow = (db: Database, number: number) =>
  db.get(
    'SELECT state, claim, claimed_by, due_at, endpoint, event_number FROM deliveries WHERE number = ?',
    number,
  ) as [number, number, string | null, number | null, number, number] | undefined;
const toHour = (ms: number): number => Math.floor(ms / 3_600_000);

export interface NamedMutant {
  readonly name: string;
  readonly description: string;
  readonly make: Mutant;
}

const mutant = (name: string, description: string, make: Mutant): NamedMutant => ({
  name,
  description,
  make,
});

export const mutants: readonly NamedMutant[] = [
  mutant('no-fence', 'a settle does not look at the claim number: the last writer wins', ({ store, db }) => ({
    settle: async (settlements) => {
      const forged = settlements.map((s) => {
        const row = readRow(db, s.number);
        if (row === undefined || row[0] !== 0) return s;
        if (row[2] === null)
          db.run('UPDATE deliveries SET claimed_by = ? WHERE number = ?', s.node, s.number);
        return { ...s, claim: row[1] };
      });
      return await store.write.settle(forged);
    },
  })),
  mutant(
    'two-transactions',
    'settling a failed attempt and scheduling its retry are two transactions',
    ({ store, db, pause }) => ({
      settle: async (settlements) => {
        const answers = await store.write.settle(
          settlements.map((s) => (s.state === 'pending' ? { ...s, dueAt: never } : s)),
        );
        await pause(3);
        for (const [index, { state, number, dueAt }] of settlements.entries())
          if (state === 'pending' && answers[index] !== 'superseded')
            db.run('UPDATE deliveries SET due_at = ? WHERE number = ? AND state = 0', dueAt, number);
        return answers;
      },
    }),
  ),
  mutant(
    'retry-in-memory',
    'a retry that is owed is a timer in memory, and only there',
    ({ store, db, pause }) => ({
      settle: async (settlements) => {
        const answers = await store.write.settle(
          settlements.map((s) => (s.state === 'pending' ? { ...s, dueAt: never } : s)),
        );
        for (const { state, number, dueAt, now } of settlements)
          if (state === 'pending')
            void pause(dueAt! - now).then(() =>
              db.run('UPDATE deliveries SET due_at = ? WHERE number = ? AND state = 0', dueAt, number),
            );
        return answers;
      },
    }),
  ),
  mutant('ack-before-commit', 'the receipt is sent before the commit', ({ store, pause, now }) => ({
    accept: async (groups, options): Promise<AcceptAnswer> => {
      const endpoints = (await store.read.endpoints({ after: null, limit: 100 })).length;
      void pause(5).then(() => store.write.accept(groups, options));
      const receipts = groups.map((group) => ({
        receipts: group.map(({ id, tenant, type }): Receipt => ({
          id,
          tenant,
          type,
          acceptedAt: now(),
          deliveries: endpoints,
          suppressed: 0,
          duplicate: false,
        })),
      }));
      return { groups: receipts, claimed: [], waiting: [], fanOuts: 0 };
    },
  })),
  mutant('short-lease', 'a lease is shorter than the timeout', ({ store, db }) => ({
    claim: async (request) => {
      const answer = await store.write.claim(request);
      for (const { number } of answer.deliveries)
        db.run('UPDATE deliveries SET due_at = ? WHERE number = ? AND state = 0', request.now + 500, number);
      return answer;
    },
  })),
  mutant('claim-moves-nothing', 'a claim leaves due_at where it was', ({ store, db }) => ({
    claim: async (request) => {
      const answer = await store.write.claim(request);
      for (const { number } of answer.deliveries)
        db.run('UPDATE deliveries SET due_at = ? WHERE number = ? AND state = 0', request.now, number);
      return answer;
    },
  })),
  mutant('claim-for-ever', 'a claim is a state of its own, and a crash leaves it there', ({ store, db }) => ({
    claim: async (request) => {
      const answer = await store.write.claim(request);
      for (const { number } of answer.deliveries)
        db.run('UPDATE deliveries SET due_at = ? WHERE number = ? AND state = 0', never, number);
      return answer;
    },
    takeOver: async () => 0,
  })),
  mutant(
    'terminal-overwritten',
    'a late outcome overwrites the state that a newer one has settled',
    ({ store, db }) => ({
      settle: async (settlements) => {
        const answers = await store.write.settle(settlements);
        for (const [index, { number, state }] of settlements.entries())
          if (answers[index] === 'superseded' && readRow(db, number)?.[0] === 1 && state !== 'delivered')
            db.run("UPDATE deliveries SET state = 2, reason = 'schedule_exhausted' WHERE number = ?", number);
        return answers;
      },
    }),
  ),
  mutant(
    'suppressed-not-recorded',
    'events for a paused endpoint are skipped without a trace',
    ({ store, db }) => ({
      accept: async (groups, options) => {
        const answer = await store.write.accept(groups, options);
        const dropped = new Map<number, number>();
        for (const [number, event, endpoint, created] of db.all(
          'SELECT number, event_number, endpoint, created_at FROM deliveries WHERE state = 4 AND created_at = ?',
          options.now,
        ) as number[][]) {
          db.run('DELETE FROM deliveries WHERE number = ?', number!);
          db.run(
            'UPDATE events SET deliveries = deliveries - 1, suppressed = suppressed - 1 WHERE number = ?',
            event!,
          );
          db.run(
            'UPDATE ledger SET accepted = accepted - 1, suppressed = suppressed - 1 WHERE endpoint = ? AND hour = ?',
            endpoint!,
            toHour(created!),
          );
          dropped.set(event!, (dropped.get(event!) ?? 0) + 1);
        }
        if (dropped.size === 0) return answer;
        return {
          ...answer,
          groups: answer.groups.map((group) =>
            'receipts' in group
              ? {
                  receipts: group.receipts.map((receipt) => ({
                    ...receipt,
                    deliveries: receipt.deliveries - receipt.suppressed,
                    suppressed: 0,
                  })),
                }
              : group,
          ),
        };
      },
    }),
  ),
  mutant(
    'counters-apart',
    'counters are written after the transaction, not in it',
    ({ store, db, pause }) => ({
      settle: async (settlements) => {
        const answers = await store.write.settle(settlements);
        const ended = settlements.filter(
          ({ state }, index) => state === 'delivered' && answers[index] !== 'superseded',
        );
        const count = (by: number): void => {
          for (const { number, createdAt } of ended)
            db.run(
              'UPDATE ledger SET delivered = delivered + ? WHERE endpoint = (SELECT endpoint FROM deliveries WHERE number = ?) AND hour = ?',
              by,
              number,
              toHour(createdAt),
            );
        };
        count(-1);
        await pause(2);
        count(1);
        return answers;
      },
    }),
  ),
  mutant('redrive-resets-fence', 'a redrive begins at claim number 0 again', ({ store, db }) => ({
    redriveDelivery: async (number, now) => {
      const before = readRow(db, number);
      const answer = await store.write.redriveDelivery(number, now);
      if (answer.result === 'done' && before !== undefined && before[0] !== 0)
        db.run('UPDATE deliveries SET claim = 0 WHERE number = ?', number);
      return answer;
    },
    stepRedrive: async (id, limit, now) => {
      const before = new Set(
        db.all('SELECT number FROM deliveries WHERE state IN (2, 4)').map(([number]) => number as number),
      );
      const answer = await store.write.stepRedrive(id, limit, now);
      for (const number of before)
        db.run('UPDATE deliveries SET claim = 0 WHERE number = ? AND state = 0', number);
      return answer;
    },
  })),
  mutant(
    'manual-stops-schedule',
    'a manual attempt that fails ends the retries that were scheduled',
    ({ store }) => ({
      settle: (settlements) =>
        store.write.settle(
          settlements.map((s): Settlement =>
            s.trigger === 'manual' && s.state === 'pending' ? { ...s, dueAt: never } : s,
          ),
        ),
    }),
  ),
  mutant(
    'pruner-takes-pending',
    'retention looks at the age of a delivery and not at its state',
    ({ store, db }) => ({
      prune: async (request) => {
        for (const [number, event, endpoint, created] of db.all(
          'SELECT number, event_number, endpoint, created_at FROM deliveries WHERE state = 0 AND created_at < ? LIMIT 10',
          request.settledBefore,
        ) as number[][]) {
          db.run('DELETE FROM deliveries WHERE number = ?', number!);
          db.run('UPDATE events SET deliveries = deliveries - 1 WHERE number = ?', event!);
          db.run(
            'UPDATE ledger SET accepted = accepted - 1 WHERE endpoint = ? AND hour = ?',
            endpoint!,
            toHour(created!),
          );
        }
        return await store.write.prune(request);
      },
    }),
  ),
  mutant(
    'retries-stay-behind',
    'a step back of the clock leaves pending deliveries where they were: due hours or days late',
    ({ store }) => ({ saveClock: (change) => store.write.saveClock({ ...change, rebase: null }) }),
  ),
  mutant(
    'retention-believes-the-clock',
    'retention goes by the clock and by stamps alone, however far it has leapt',
    ({ store, now, retention }) => ({
      prune: (request) =>
        store.write.prune({
          ...request,
          ages: { now: now(), lived: now(), disputed: [] },
          settledBefore: now() - retention.settledMs,
          deadBefore: now() - retention.deadMs,
        }),
    }),
  ),
  mutant('timeout-counts-as-delivered', 'an attempt that timed out is taken for delivered', ({ store }) => ({
    settle: (settlements) =>
      store.write.settle(
        settlements.map((s): Settlement =>
          s.errorClass === 'timeout'
            ? { ...s, state: 'delivered', dueAt: null, reason: 'delivered', errorClass: null }
            : s,
        ),
      ),
  })),
  mutant(
    'give-up-quietly',
    'a client error ends a delivery as if it had been cancelled, without an alert',
    ({ store, db }) => ({
      settle: async (settlements) => {
        const answers = await store.write.settle(settlements);
        for (const [index, { number, errorClass, createdAt }] of settlements.entries()) {
          if (answers[index] === 'superseded' || errorClass !== 'http_4xx' || readRow(db, number)?.[0] !== 0)
            continue;
          const [, , , , endpoint, event] = readRow(db, number)!;
          db.run('DELETE FROM deliveries WHERE number = ?', number);
          db.run('UPDATE events SET deliveries = deliveries - 1 WHERE number = ?', event);
          db.run(
            'UPDATE ledger SET accepted = accepted - 1 WHERE endpoint = ? AND hour = ?',
            endpoint,
            toHour(createdAt),
          );
        }
        return answers;
      },
    }),
  ),
  mutant('no-order', 'the order of a key is forgotten', ({ store, db }) => ({
    accept: async (groups, options) => {
      const answer = await store.write.accept(groups, { ...options, defaultRoom: 0, room: new Map() });
      db.run('UPDATE deliveries SET order_key = NULL WHERE order_key IS NOT NULL');
      return answer;
    },
  })),
  mutant('no-idempotency', 'a publisher that asks again publishes again', ({ store }) => {
    let n = 0;
    return {
      accept: (groups, options) =>
        store.write.accept(
          groups.map((group) => group.map((event) => ({ ...event, id: `${event.id}~${n++}` }))),
          options,
        ),
    };
  }),
];
