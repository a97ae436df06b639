import { NotFoundError } from '../../domain/errors.ts';
import { type HotStore, withCold } from '../common/cold.ts';
import type { Store } from '../store.ts';
import { type SqliteParts, storeFrom } from './parts.ts';
import { accept } from './accept.ts';
import { saveAlerts } from './alerts.ts';
import { bringForward, claim, nextDue, release, takeOver } from './claim.ts';
import { readClock } from './clock.ts';
import { commonDatabase } from './common.ts';
import type { Database } from './database.ts';
import { EndpointTable } from './endpoints.ts';
import { stepFanOut } from './fan-out.ts';
import { fold } from './folding.ts';
import { checkPages } from './integrity.ts';
import { beginKeyedRequest } from './idempotency.ts';
import { prune } from './prune.ts';
import { stepRedrive } from './redrives.ts';
import { importEvents } from './import.ts';
import { acceptFor, replayEvent } from './replay.ts';
import { Sequences } from './sequences.ts';
import { purgeFormerValues } from './sealed-settings.ts';
import { settle } from './settle.ts';
import { readPending } from './tenants.ts';

/** What the methods work on: one connection, and what this process holds in memory of it. */
interface Tables {
  readonly db: Database;
  readonly endpoints: EndpointTable;
  readonly sequences: Sequences;
  readonly endpointNum: (id: string) => number;
}

/** Numbers outlive deletion: an attempt in flight is settled after its endpoint was deleted. */
function endpointNumbers(db: Database, endpoints: EndpointTable): (id: string) => number {
  const nums = new Map<string, number>();
  return (id) => {
    let num = endpoints.index.get(id)?.num ?? nums.get(id);
    if (num === undefined) {
      num = db.get('SELECT num FROM endpoints WHERE id = ?', id)?.[0] as number | undefined;
      if (num === undefined) throw new NotFoundError(`endpoint ${id} does not exist`);
      nums.set(id, num);
    }
    return num;
  };
}

function writes({ db, endpoints, sequences, endpointNum }: Tables): HotStore['write'] {
  return {
    accept: async (groups, options) => accept(db, endpoints, sequences, groups, options),
    claim: async (request) => claim(db, endpoints, request),
    settle: async (settlements) => settle(db, endpointNum, settlements),
    release: async (claims) => release(db, claims),
    bringForward: async (request) => bringForward(db, endpoints, request),
    takeOver: async (node, now) => takeOver(db, node, now),
    prune: async (request) => prune(db, endpoints, request),
    stepFanOut: async (request) => stepFanOut(db, endpoints, sequences, request),
    createEndpoint: async (endpoint) => endpoints.create(endpoint),
    updateEndpoint: async (id, change) => endpoints.update(id, change),
    pauseGone: async (id, url, now) => endpoints.pauseGone(id, url, now),
    deleteEndpoint: async (id, now) => endpoints.delete(id, now),
    changeConfig: async (change) => endpoints.change(change),
    replayEvent: async (tenant, eventId, endpointId, now, audit = null) =>
      replayEvent(db, endpoints, sequences, tenant, eventId, endpointId, now, audit),
    acceptFor: async (event, endpointId, now, audit = null) => {
      const known = endpoints.index.get(endpointId);
      return known === undefined ? null : acceptFor(db, sequences, event, known, now, audit);
    },
    importEvents: async (events, now, audit = null) =>
      importEvents(db, { endpoints, sequences }, events, now, audit),
    stepRedrive: async (id, limit, now) => stepRedrive(db, { endpoints, sequences }, id, limit, now),
    pauseFailing: async (change) => endpoints.pauseFailing(change),
    fold: async (now) => fold(db, now),
    purgeFormerValues: async (maxBytes) => purgeFormerValues(db, maxBytes),
    saveAlerts: async (change) => saveAlerts(db, endpoints, sequences, change),
    // One process owns a data directory, so there is one node, and no other node's change to hear of.
    heartbeat: async (node) => ({ now: null, nodes: [node], dead: [], configVersion: 0 }),
    leave: async () => {},
    beginKeyedRequest: async (request) => beginKeyedRequest(db, request),
    sealAuditLog: async (key) => void (db.auditKey = key),
  };
}

function lookups({ db, endpoints, sequences }: Tables): HotStore['lookups'] {
  return {
    nextDue: async () => nextDue(db, endpoints),
    configVersion: async () => endpoints.version,
    pendingIn: async (tenants) => readPending(db, endpoints, tenants),
    checkFiles: async ({ everyPage }) => {
      db.checkGround();
      if (everyPage) checkPages(db);
    },
    clock: async () => readClock(db, sequences),
    nodes: async () => [],
  };
}

/** The parts of the port on one open database; every call runs to its end before the next begins. */
export function createSqliteParts(db: Database): SqliteParts {
  const endpoints = new EndpointTable(db);
  const tables = {
    db,
    endpoints,
    sequences: new Sequences(db),
    endpointNum: endpointNumbers(db, endpoints),
  };
  const common = commonDatabase(db, () => endpoints.version++);
  const hot = { write: writes(tables), lookups: lookups(tables) };
  return { ...withCold(common, hot), close: async () => db.close() };
}

/** The port on one open database, in this thread. */
export function createSqliteStore(db: Database): Store {
  return storeFrom(createSqliteParts(db));
}
