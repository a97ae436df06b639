/** The source with one guard taken out: what the lab's short run must notice. `from` stands in the file exactly once. */
export interface SourceMutant {
  readonly name: string;
  readonly guarantee: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export const sourceMutants: readonly SourceMutant[] = [
  {
    name: 'settle without the fence',
    guarantee: 'G3',
    file: 'src/store/sqlite/settle.ts',
    from: 'WHERE number = ? AND state = 0 AND claim = ? AND claimed_by IS NOT NULL`',
    to: 'WHERE number = ? AND state = 0 AND claim >= ? - 1000`',
  },
  {
    name: 'settle overwrites what has ended',
    guarantee: 'G3',
    file: 'src/store/sqlite/settle.ts',
    from: 'WHERE number = ? AND state = 0 AND claim = ? AND claimed_by IS NOT NULL`',
    to: 'WHERE number = ? AND claim = ?`',
  },
  {
    name: 'a delivered one is not counted',
    guarantee: 'G4, G6',
    file: 'src/store/sqlite/settle.ts',
    from: "ledger.add(counted, 'delivered');",
    to: '',
  },
  {
    name: 'dead letters are counted before they are dead',
    guarantee: 'G4, G6',
    file: 'src/store/sqlite/settle.ts',
    from: "} else if (s.state === 'dead') {",
    to: '} else {',
  },
  {
    name: 'a claim leaves due_at where it was',
    guarantee: 'G2',
    file: 'src/store/sqlite/claim.ts',
    from: "'UPDATE deliveries SET due_at = ?, claim = ?, claimed_by = ? WHERE number = ?',\n        leaseUntil,",
    to: "'UPDATE deliveries SET due_at = ?, claim = ?, claimed_by = ? WHERE number = ?',\n        now,",
  },
  {
    name: 'a claim does not raise the claim number',
    guarantee: 'G3',
    file: 'src/store/sqlite/claim.ts',
    from: '        leaseUntil,\n        claimNumber + 1,\n        request.node,',
    to: '        leaseUntil,\n        Math.max(1, claimNumber),\n        request.node,',
  },
  {
    name: 'a key is claimed out of order',
    guarantee: 'order',
    file: 'src/store/sqlite/claim.ts',
    from: 'if (heads.get(orderKey) !== number) continue;',
    to: '',
  },
  {
    name: 'taking over sets free what others hold',
    guarantee: 'G3',
    file: 'src/store/sqlite/claim.ts',
    from: "'UPDATE deliveries SET due_at = ?, claimed_by = NULL WHERE state = 0 AND claimed_by = ?',",
    to: "'UPDATE deliveries SET due_at = ?, claimed_by = NULL WHERE state = 0 AND claimed_by <> ?',",
  },
  {
    name: 'a paused endpoint eats events',
    guarantee: 'G5',
    file: 'src/store/matching.ts',
    from: 'filter(({ endpoint }) => subscribes(endpoint.eventTypes, type))',
    to: 'filter(({ endpoint }) => endpoint.enabled && subscribes(endpoint.eventTypes, type))',
  },
  {
    name: 'a fan-out ends after its first step',
    guarantee: 'G1',
    file: 'src/store/fan-out.ts',
    from: 'done: cursor === targets.length,',
    to: 'done: true,',
  },
  {
    name: 'a step of a fan-out is done twice',
    guarantee: 'G6',
    file: 'src/store/sqlite/fan-out.ts',
    from: 'block.cursor,\n',
    to: 'block.cursor - 1,\n',
  },
  {
    name: 'suppressed ones are not counted',
    guarantee: 'G4, G6',
    file: 'src/store/sqlite/accept.ts',
    from: "ledger.add(counted, 'suppressed');",
    to: '',
  },
  {
    name: 'the pruner takes what is pending',
    guarantee: 'G7',
    file: 'src/store/sqlite/prune.ts',
    from: 'if (state === 0 || !retention.isOver(number!, settledAt!, state === dead)) continue;',
    to: 'if (!retention.isOver(number!, settledAt ?? 0, state === dead)) continue;',
  },
  {
    name: 'a pruned delivery is forgotten by the books',
    guarantee: 'G6',
    file: 'src/store/sqlite/prune.ts',
    from: 'ledger.addToBooks(endpoint!, createdAt!, prunedCounter[state!]!);',
    to: '',
  },
  {
    name: 'a redrive begins at claim number 0',
    guarantee: 'G3',
    file: 'src/store/sqlite/redrive-ended.ts',
    from: '`UPDATE deliveries SET state = 0, due_at = ?, claimed_by = NULL, tries = 0,',
    to: '`UPDATE deliveries SET state = 0, due_at = ?, claim = 0, claimed_by = NULL, tries = 0,',
  },
  {
    name: 'a redrive takes an attempt in flight away',
    guarantee: 'G3',
    file: 'src/store/sqlite/operations.ts',
    from: "if (claimedBy !== null) db.run('UPDATE deliveries SET trigger = ? WHERE number = ?', redriveMark, number);",
    to: "if (claimedBy !== null) db.run('UPDATE deliveries SET claimed_by = NULL, due_at = ? WHERE number = ?', now, number);",
  },
  {
    name: 'a redrive takes the dead letters of deleted endpoints',
    guarantee: 'G5',
    file: 'src/store/redrives.ts',
    from: 'if (row.deleted) {',
    to: 'if (limit < 0) {',
  },
  {
    name: 'a single redrive takes a dead letter of a deleted endpoint',
    guarantee: 'G5',
    file: 'src/store/sqlite/operations.ts',
    from: "if (deletedAt !== null) return 'endpoint_deleted';",
    to: '',
  },
  {
    name: 'cancelling is not counted',
    guarantee: 'G6',
    file: 'src/store/sqlite/operations.ts',
    from: "ledger.add({ endpoint, type, acceptedAt }, 'cancelled');",
    to: '',
  },
  {
    name: 'a client error counts as delivered',
    guarantee: 'G5',
    file: 'src/domain/delivery.ts',
    from: 'if (outcome.ok) return',
    to: "if (outcome.ok || outcome.errorClass === 'http_4xx') return",
  },
  {
    name: 'a time-out ends the delivery without a retry, as delivered',
    guarantee: 'G5',
    file: 'src/domain/delivery.ts',
    from: 'if (outcome.ok) return',
    to: "if (outcome.ok || outcome.errorClass === 'timeout') return",
  },
  {
    name: 'an attempt begins whatever is left of its lease',
    guarantee: 'G3',
    file: 'src/engine/dispatcher.ts',
    from: 'const lastMoment = now + lane.endpoint.timeoutMs + clockLagMs;',
    to: 'const lastMoment = 0;',
  },
  {
    name: 'a lease ends before its time-out',
    guarantee: 'G3',
    file: 'src/engine/dispatcher.ts',
    from: 'const leaseMarginMs = 30_000;',
    to: 'const leaseMarginMs = -1_000;',
  },
  {
    name: 'a node claims before its clock is right',
    guarantee: 'G2',
    file: 'src/engine/dispatcher.ts',
    from: '  #begun = false;',
    to: '  #begun = true;',
  },
  {
    name: 'publishers are told before the commit',
    guarantee: 'G1',
    file: 'src/engine/intake.ts',
    from: '        const answer = await this.#store.accept(groups, options);',
    to: `        const early = groups.map((group) => ({ receipts: group.map((event) => ({ id: event.id, tenant: event.tenant, type: event.type, acceptedAt: options.now, deliveries: 3, suppressed: 0, duplicate: false })) }));
        for (const [index, waiting] of batch.entries()) waiting.resolve(early[index]!.receipts);
        const answer = await this.#store.accept(groups, options);`,
  },
  {
    name: 'a node that thaws believes an answer from before its freeze',
    guarantee: 'G3',
    file: 'src/engine/ownership.ts',
    from: 'if (answer.now !== null && (fresh || !timed)) {',
    to: 'if (answer.now !== null) {',
  },
];
