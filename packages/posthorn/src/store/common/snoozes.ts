import { maxSnoozes, type Snooze, type SnoozeLookups, type SnoozeWrites } from '../dead-letters.ts';
import { writeAudit } from './audit-log.ts';
import { type Cold, separately, transaction } from './methods.ts';
import { bytewise, offset, table } from './pieces.ts';
import { sql } from './sql.ts';
import { changes, rows, stored } from './steps.ts';

const snoozes = table('dead_letter_snoozes');

export const snoozeWrites: Cold<SnoozeWrites> = {
  saveSnooze: transaction(function* (snooze, audit = null) {
    yield* changes(
      sql`INSERT INTO ${snoozes} (group_id, until, document) VALUES (${snooze.groupId}, ${snooze.until}, ${JSON.stringify(snooze)})
        ON CONFLICT (group_id) DO UPDATE SET until = excluded.until, document = excluded.document`,
    );
    yield* changes(
      sql`DELETE FROM ${snoozes} WHERE until <= ${snooze.at} OR group_id IN (
        SELECT group_id FROM ${snoozes} ORDER BY until DESC, ${bytewise('group_id')} ${offset(maxSnoozes)})`,
    );
    yield* writeAudit([audit]);
  }),

  deleteSnooze: transaction(function* (groupId, audit = null) {
    if ((yield* changes(sql`DELETE FROM ${snoozes} WHERE group_id = ${groupId}`)) === 0) return false;
    yield* writeAudit([audit]);
    return true;
  }),
};

export const snoozeLookups: Cold<SnoozeLookups> = {
  snoozes: separately(function* (now) {
    const found = yield* rows(sql`SELECT document FROM ${snoozes} WHERE until > ${now}`);
    const running: Snooze[] = [];
    for (const [document] of found) running.push(yield* stored<Snooze>(document, 'a snooze'));
    return running;
  }),
};
