import { describe, expect, test } from 'vitest';
import { auditPage } from '../../packages/audit/src/report/page.ts';
import { postMortem, type PostMortemFacts } from '../../packages/audit/src/report/post-mortem.ts';
import type { AuditResult } from '../../packages/audit/src/result.ts';
import { summarize } from '../../packages/audit/src/report/summary.ts';
import { sampleResult } from './sample-result.ts';

const hostile = `"><script>alert(1)</script>'\`|\n# title [x](javascript:1) \u202e<img src=x onerror=alert(2)>`;

const nothingKnown: PostMortemFacts = {
  service: null,
  owner: null,
  changes: [],
  detected: null,
  outcome: null,
  objective: null,
  rules: [],
  command: 'posthorn audit x.jsonl',
};

describe('the page of an audit', () => {
  test('loads nothing and has every plot', () => {
    const page = auditPage(sampleResult(), 'posthorn audit x.jsonl');
    expect(page).not.toMatch(/<script|<link|<img|@import|url\(|srcset|<iframe/);
    expect(page.replaceAll('https://orders.example.com/webhooks', '')).not.toMatch(/https?:\/\//);
    for (const id of ['when', 'causes', 'examples', 'durations', 'money', 'missing', 'trust'])
      expect(page).toContain(`id="${id}"`);
    // Each for a wide screen and for a phone.
    expect(page.match(/<svg /g)).toHaveLength(8);
    expect(page).toContain('the client times out after 10 s');
    expect(page).toContain('onset 2026-01-07 01:00');
    expect(page).toContain('due at 55 s, never made');
    expect(page).toContain('overlaps with another attempt');
  });

  test('content of the log is escaped', () => {
    const page = auditPage(sampleResult(hostile), hostile);
    expect(page).not.toContain('<script>alert');
    expect(page).not.toContain('<img src=x');
    expect(page).toContain('&lt;script&gt;');
    // A page whose every tag is one of ours.
    const tags = new Set([...page.matchAll(/<([a-zA-Z]+)/g)].map(([, tag]) => tag));
    expect([...tags].filter((tag) => tag === 'script' || tag === 'img' || tag === 'iframe')).toEqual([]);
  });

  test('acknowledged but unprocessed events count as lost, and not under a cause of silent drops', () => {
    const sample = sampleResult();
    const verdicts = { ...sample.verdicts, silently_dropped: 10, acknowledged_unprocessed: 30 };
    const unprocessed = {
      ...sample.causes[0]!,
      cause: 'acknowledged_unprocessed',
      events: 30,
      silently_dropped: 0,
    } as const;
    const result: AuditResult = {
      ...sample,
      events: 1004,
      verdicts,
      silent_drop_rate: 0.01,
      causes: [unprocessed, { ...sample.causes[0]!, silently_dropped: 10 }],
    };
    const page = auditPage(result, 'posthorn audit x.jsonl');
    expect(page).toContain('<h1>4% of the webhooks disappeared');
    // A share of the 1,000 decided events; the interval belongs to the figure.
    expect(page).toMatch(/>40<\/b\s*>of 1,000\s+events\s+silently\s+lost\s+\(95%: 2\.95% to 5\.4%\)/);
    expect(page).toMatch(
      /acknowledged unprocessed<\/b\s*>is\s+the\s+main\s+cause: 30 events,\s+proved by the receiver’s list/,
    );
    expect(summarize(result)).toMatch(
      /^10 of 1,004 events were silently dropped: 1% .*, mainly by retry_race\. 30 were acknowledged/,
    );
    const text = postMortem(result, nothingKnown);
    expect(text).toContain('[40 of 1,000 webhooks](#scope) ([4%](#scope))');
    expect(text).toContain(
      'shows no end for 10 of them and says that 30 were delivered that the receiver does not have',
    );
  });

  test('an empty result renders as a page', () => {
    const empty = {
      ...sampleResult(),
      causes: [],
      examples: [],
      durations: [],
      weekly_value: [],
      series: { bin_seconds: 3600, bins: [] },
      onset: null,
      verdicts: {
        delivered: 5,
        late: 0,
        given_up: 0,
        silently_dropped: 0,
        unresolved: 0,
        acknowledged_unprocessed: 0,
      },
      missing: { total: 0, listed: [], file: null },
    };
    const page = auditPage(empty, 'posthorn audit x.jsonl');
    expect(page).toContain('No silent drops in this log');
    expect(page).not.toContain('NaN');
    expect(page).not.toContain('undefined');
  });
});

describe('the post-mortem', () => {
  test('begins with five parts, and each figure links to its basis', () => {
    const text = postMortem(sampleResult(), {
      ...nothingKnown,
      service: 'payment-notifications',
      owner: 'the payments team',
      changes: ['a lock around retries'],
      detected: '2026-01-18T00:00:00Z',
      objective: { target: 0.999, withinMs: 300_000 },
      rules: [{ rule: 'slow-leak', severity: 'ticket', afterMs: 93_600_000, falsePerWeek: 0 }],
      outcome: {
        statement: 'None of 20,000.',
        rateBefore: 0.004,
        rateAfter: 0,
        highestAfter: 0.0002,
        eventsAfter: 20_000,
        equalExposure: true,
        recovered: '11,358.60 USD',
      },
    });
    const minute = text.slice(text.indexOf('## In one minute'), text.indexOf('## Situation and scope'));
    for (const part of ['Situation.', 'Task.', 'Action.', 'Result.', 'Reflection.'])
      expect(minute).toContain(`**${part}**`);
    expect(minute).toContain('payment-notifications, owned by the payments team');
    expect(minute).toContain('[26 h](#alerts)');
    // One minute of speech is about 180 words.
    const spoken = minute.replaceAll(/\]\(#\w+\)|[[*]|^##.*$/gm, '');
    expect(spoken.split(/\s+/).filter((word) => /\w/.test(word)).length).toBeLessThanOrEqual(180);
    expect(minute).toContain('zero in 20,000 events (at most 0.02%)');
    const anchors = new Set([...text.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id));
    const links = [...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, id]) => id!);
    expect(links.length).toBeGreaterThan(6);
    expect(links.filter((id) => !anchors.has(id))).toEqual([]);
  });

  test('without any facts and with many currencies it still takes one minute to present', () => {
    const sample = sampleResult();
    const weekly = ['USD', 'EUR', 'JPY', 'BHD', 'GBP'].map((currency) => ({
      ...sample.weekly_value[0]!,
      currency,
    }));
    const text = postMortem({ ...sample, weekly_value: weekly }, nothingKnown);
    const minute = text.slice(text.indexOf('1. **Situation'), text.indexOf('## Situation and scope'));
    expect(minute).toContain('and 2 more currencies');
    expect(minute.split(/\s+/).filter((word) => /\w/.test(word)).length).toBeLessThanOrEqual(180);
  });

  test('without losses it says only how certain that is', () => {
    const sample = sampleResult(hostile);
    const text = postMortem(
      { ...sample, verdicts: { ...sample.verdicts, silently_dropped: 0 } },
      nothingKnown,
    );
    expect(text).toMatch(/^# No silent drops in this log\n/);
    expect(text.replaceAll(/`[^`\n]*`/g, '')).not.toMatch(/to fill in|<script|In one minute/);
  });

  test('facts that no log contains are blanks', () => {
    const text = postMortem(sampleResult(), nothingKnown);
    for (const what of ['which service', 'which team', 'what was changed', 'how it was noticed'])
      expect(text).toMatch(new RegExp(`\\*\\*\\[to fill in: [^\\]]*${what}`));
  });

  test('content of the log is escaped', () => {
    const text = postMortem(sampleResult(hostile), { ...nothingKnown, service: hostile, changes: [hostile] });
    // In code, which backticks cannot leave, everything is text.
    expect(text.replaceAll(/`[^`\n]*`/g, '')).not.toMatch(/<script|<img|[^\\]\]\(javascript/);
    // No line of its own, no cell of its own.
    expect(text).not.toMatch(/^# title/m);
    for (const table of text.matchAll(/^\|.*\|$/gm)) expect(table[0]).not.toContain('\u202e');
  });
});
