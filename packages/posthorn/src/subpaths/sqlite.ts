export { Database } from '../store/sqlite/database.ts';
export { migrate } from '../store/sqlite/schema.ts';
export { createSqliteStore } from '../store/sqlite/sqlite-store.ts';
