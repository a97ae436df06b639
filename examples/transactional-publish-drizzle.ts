// The same with an ORM (Drizzle): every ORM can call a function inside its transaction.
//
//   DATABASE_URL=postgres://… node examples/transactional-publish-drizzle.ts

import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { bigint, pgTable, text } from 'drizzle-orm/pg-core';
import pg from 'pg';

const payments = pgTable('payments', {
  id: text('id').primaryKey(),
  amountMinor: bigint('amount_minor', { mode: 'number' }).notNull(),
});
const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'] });
const db = drizzle(pool);
await db.execute(
  sql`CREATE TABLE IF NOT EXISTS payments (id text PRIMARY KEY, amount_minor bigint NOT NULL)`,
);

async function pay(id: string, amountMinor: number, card: 'good' | 'declined'): Promise<void> {
  try {
    await db.transaction(async (tx) => {
      await tx.insert(payments).values({ id, amountMinor });
      await tx.execute(sql`SELECT posthorn.publish('default', 'payment.succeeded', ${JSON.stringify({ id })}::json,
        id => ${id}, amount_minor => ${amountMinor}, currency => 'EUR')`);
      if (card === 'declined') throw new Error(`${id}: the card was declined`);
    });
  } catch (error) {
    console.log(`rolled back: ${(error as Error).message}`);
  }
}

await pay('pay_orm_1', 1099, 'good');
await pay('pay_orm_2', 2099, 'declined');
const committed = await db.select({ id: payments.id }).from(payments);
console.log(
  `committed: ${committed
    .map(({ id }) => id)
    .filter((id) => id.startsWith('pay_orm_'))
    .join(', ')}`,
);
await pool.end();
