// A payment and its event in one transaction, with plain pg: both exist after COMMIT, neither after ROLLBACK.
//
//   DATABASE_URL=postgres://… node examples/transactional-publish-pg.ts
//
// `posthorn serve --database-url …` on the same database delivers the event.

import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'] });
await pool.query('CREATE TABLE IF NOT EXISTS payments (id text PRIMARY KEY, amount_minor bigint NOT NULL)');

async function pay(id: string, amountMinor: number, card: 'good' | 'declined'): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('INSERT INTO payments VALUES ($1, $2)', [id, amountMinor]);
    await client.query(
      `SELECT posthorn.publish('default', 'payment.succeeded', $1::json, id => $2, amount_minor => $3, currency => 'EUR')`,
      [JSON.stringify({ id, amount: amountMinor }), id, amountMinor],
    );
    if (card === 'declined') throw new Error(`${id}: the card was declined`);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    console.log(`rolled back: ${(error as Error).message}`);
  } finally {
    client.release();
  }
}

await pay('pay_pg_1', 1099, 'good');
await pay('pay_pg_2', 2099, 'declined');
const { rows } = await pool.query<{ id: string }>("SELECT id FROM payments WHERE id LIKE 'pay_pg_%'");
console.log(`committed: ${rows.map(({ id }) => id).join(', ')}`);
await pool.end();
