import { type HotStore, withCold } from '../common/cold.ts';
import type { Store } from '../store.ts';
import { accept } from './accept.ts';
import { saveAlerts } from './alerts.ts';
import { bringForward, claim, nextDue, orderOf, release, takeOver, type Turns } from './claim.ts';
import { readClock } from './clock.ts';
import { commonDatabase } from './common.ts';
import type { Database } from './database.ts';
import { EndpointTable } from './endpoints.ts';
import { stepFanOut } from './fan-out.ts';
import { fold } from './folding.ts';
import { beginKeyedRequest } from './idempotency.ts';
import { importEvents } from './import.ts';
import { leave, readNodes, heartbeat, type LastHeartbeats } from './nodes.ts';
import { prune } from './prune.ts';
import { stepRedrive } from './redrives.ts';
import { acceptFor, replayEvent } from './replay.ts';
import { purgeFormerValues } from './sealed-settings.ts';
import { settle } from './settle.ts';
import { readPending } from './tenants.ts';

function writes(db: Database, endpoints: EndpointTable): HotStore['write'] {
  const turns: Turns = new Map();
  const heartbeats: LastHeartbeats = new Map();
  return {
    accept: (groups, options) => accept(db, endpoints, groups, options),
    claim: async (request) => {
      const known =
        (await endpoints.current()).index.get(request.endpointId) ??
        (await endpoints.get(request.endpointId));
      if (known === undefined) return { deliveries: [], nextDueAt: null };
      return await claim(db, request, orderOf(known.endpoint), turns);
    },
    settle: (settlements) => settle(db, settlements),
    release: (claims) => release(db, claims),
    bringForward: (request) => bringForward(db, request),
    takeOver: (node, now) => takeOver(db, node, now),
    prune: (request) => prune(db, request),
    stepFanOut: (request) => stepFanOut(db, endpoints, request),
    createEndpoint: (endpoint) => endpoints.create(endpoint),
    updateEndpoint: (id, change) => endpoints.update(id, change),
    pauseGone: (id, url, now) => endpoints.pauseGone(id, url, now),
    deleteEndpoint: (id, now) => endpoints.delete(id, now),
    changeConfig: (change) => endpoints.change(change),
    replayEvent: (tenant, eventId, endpointId, now, audit = null) =>
      replayEvent(db, endpoints, { tenant, eventId, endpointId, now, audit }),
    acceptFor: (event, endpointId, now, audit = null) =>
      acceptFor(db, endpoints, event, endpointId, now, audit),
    importEvents: (events, now, audit = null) => importEvents(db, endpoints, events, now, audit),
    stepRedrive: (id, limit, now) => stepRedrive(db, id, limit, now),
    pauseFailing: (change) => endpoints.pauseFailing(change),
    fold: async (now) => fold(db, now),
    purgeFormerValues: async () => purgeFormerValues(db),
    saveAlerts: (change) => saveAlerts(db, endpoints, change),
    heartbeat: (node, sinceMs) => heartbeat(db, heartbeats, node, sinceMs),
    leave: (node) => leave(db, node),
    beginKeyedRequest: (request) => beginKeyedRequest(db, request),
    sealAuditLog: async (key) => void (db.auditKey = key),
  };
}

function lookups(db: Database, endpoints: EndpointTable): HotStore['lookups'] {
  return {
    nextDue: (shards) => nextDue(db, shards),
    configVersion: () => endpoints.version(),
    pendingIn: (tenants) => readPending(db, endpoints, tenants),
    // The server keeps its own files; what it finds wrong with them, every statement says.
    checkFiles: async () => {},
    nodes: () => readNodes(db),
    clock: () => readClock(db),
  };
}

/** The port on PostgreSQL; any number of nodes share it. */
export function createPostgresStore(db: Database, endpoints: EndpointTable): Store {
  const hot = { write: writes(db, endpoints), lookups: lookups(db, endpoints) };
  const { write, lookups: few, listings: many } = withCold(commonDatabase(db), hot);
  return { write, read: { ...few, ...many }, close: () => db.close() };
}
