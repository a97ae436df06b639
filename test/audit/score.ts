import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { audit } from '../../packages/audit/src/audit.ts';
import { AuditError } from '../../packages/audit/src/errors.ts';
import type { AuditResult } from '../../packages/audit/src/result.ts';
import type { Case } from './cases.ts';
import { expectedCsv, idIn, receivedCsv } from './generate/formats.ts';
import { generate } from './generate/generate.ts';
import type { GeneratedLog, InjectedCause } from './generate/model.ts';

/** What the audit said of a log: the truth, something else, that the log cannot tell, or that it cannot be read. */
export type Outcome = 'exact' | 'wrong' | 'cannot_tell' | 'refused';

/** The result of an audit compared with the truth about the log. */
export interface Score {
  readonly case: Case;
  readonly outcome: Outcome;
  readonly named: string | null;
  readonly mainRight: boolean;
  /** Each injected cause was named, in any position. */
  readonly allNamed: boolean;
  readonly harmed: number;
  /** Lost ids that the audit missed. */
  readonly missed: readonly string[];
  /** Ids that the audit wrongly calls lost. */
  readonly wrong: readonly string[];
  /** Null if the log lacks amounts. */
  readonly moneyExact: boolean | null;
  readonly formatRight: boolean;
  readonly error: string | null;
  readonly result: AuditResult | null;
}

/** The silently lost money by currency, each payment once; refunds go the other way and are separate. */
function moneyOf(log: GeneratedLog): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  const seen = new Set<string>();
  for (const { fate, type, currency, amountMinor, paymentId } of log.events) {
    if (type.startsWith('refund.')) continue;
    if ((fate !== 'dropped' && fate !== 'unprocessed') || seen.has(paymentId)) continue;
    seen.add(paymentId);
    sums.set(currency, (sums.get(currency) ?? 0n) + BigInt(amountMinor));
  }
  return sums;
}

/** The first columns of `--missing`: the events reported as lost, with their verdicts. */
function missingIn(path: string): { id: string; verdict: string }[] {
  const [header, ...rows] = readFileSync(path, 'utf8').trimEnd().split('\n');
  const columns = header!.split(',');
  const id = columns.indexOf('event_id');
  const verdict = columns.indexOf('verdict');
  return rows.map((row) => row.split(',')).map((cells) => ({ id: cells[id]!, verdict: cells[verdict]! }));
}

/** Writes the log of a case into `dir` and returns the input paths of the audit. */
function writeCase(
  { recipe, format }: Case,
  dir: string,
): {
  log: GeneratedLog;
  files: string[];
  expected?: string;
  received?: string;
  deploys?: string;
  mapping?: Readonly<Record<string, string>>;
} {
  const log = generate(recipe);
  const put = (name: string, content: string | Buffer): string => {
    const path = join(dir, name);
    writeFileSync(path, content);
    return path;
  };
  const files = format.files(log).map(({ name, content }) => put(name, content));
  const has = (...causes: InjectedCause[]): boolean =>
    recipe.causes.some(({ cause }) => causes.includes(cause));
  return {
    log,
    files,
    ...(format.mapping === undefined ? {} : { mapping: format.mapping }),
    // Separate files contain what the sender's own log cannot show.
    ...(has('restart_loss', 'defect_onset')
      ? { expected: put('expected.csv', expectedCsv(log, format)) }
      : {}),
    ...(has('acknowledged_unprocessed') ? { received: put('received.csv', receivedCsv(log, format)) } : {}),
    ...(has('restart_loss')
      ? {
          deploys: put(
            'restarts.csv',
            `at,label\n${log.markers.map((at) => `${new Date(at).toISOString()},restart\n`).join('')}`,
          ),
        }
      : {}),
  };
}

/** Generates a log, audits it and compares. */
export async function scoreCase(one: Case): Promise<Score> {
  const dir = mkdtempSync(join(tmpdir(), 'posthorn-accuracy-'));
  try {
    const { log, ...options } = writeCase(one, dir);
    const missing = join(dir, 'missing.csv');
    const { format, recipe } = one;
    const truth = new Map(
      log.events.flatMap((event): [string, string][] => {
        if (event.fate === 'dropped') return [[idIn(event, format), 'silently_dropped']];
        return event.fate === 'unprocessed' ? [[idIn(event, format), 'acknowledged_unprocessed']] : [];
      }),
    );
    let result: AuditResult;
    try {
      result = await audit({ ...options, missing, threads: 1 });
    } catch (error) {
      if (!(error instanceof AuditError)) throw error;
      return {
        case: one,
        outcome: 'refused',
        named: null,
        mainRight: false,
        allNamed: false,
        harmed: truth.size,
        missed: [...truth.keys()],
        wrong: [],
        moneyExact: null,
        formatRight: false,
        error: error.message,
        result: null,
      };
    }
    const said = new Map(
      missingIn(missing)
        .filter(({ verdict }) => verdict !== 'given_up')
        .map(({ id, verdict }) => [id, verdict]),
    );
    const unknowable = new Set(
      log.events.filter(({ fate }) => fate === 'unknowable').map((event) => idIn(event, format)),
    );
    const named = result.causes[0]?.cause ?? null;
    const money = moneyOf(log);
    const atRisk = new Map(
      result.value_at_risk.map(({ currency, amount_minor: minor }) => [currency, BigInt(minor)]),
    );
    const missed = [...truth].filter(([id, verdict]) => said.get(id) !== verdict).map(([id]) => id);
    const wrong = [...said]
      .filter(([id, verdict]) => truth.get(id) !== verdict && !unknowable.has(id))
      .map(([id]) => id);
    return {
      case: one,
      outcome: !result.quality.conclusive
        ? 'cannot_tell'
        : missed.length + wrong.length === 0
          ? 'exact'
          : 'wrong',
      named,
      mainRight: named === one.main,
      allNamed: recipe.causes.every(({ cause }) => result.causes.some((finding) => finding.cause === cause)),
      harmed: truth.size,
      missed,
      wrong,
      moneyExact:
        format.hasMoney && ![...said.keys()].some((id) => unknowable.has(id))
          ? money.size === atRisk.size && [...money].every(([currency, sum]) => atRisk.get(currency) === sum)
          : null,
      formatRight: result.source.format === format.is,
      error: null,
      result,
    };
  } finally {
    rmSync(dir, { recursive: true });
  }
}
