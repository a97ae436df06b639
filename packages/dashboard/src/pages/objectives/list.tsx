import './objectives.css';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Item } from '../../api.ts';
import { useEndpointHosts } from '../../endpoint-hosts.ts';
import { useReadPages } from '../../query.ts';
import { useQuerySearch, useSetSearch } from '../../url.ts';
import { Button } from '../../parts/button.tsx';
import { Card } from '../../parts/card.tsx';
import { plural } from '../../parts/number.ts';
import { Empty, Loading, Refusal } from '../../parts/panel.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { Chip, type Level, levels } from '../../parts/state.tsx';
import { visible } from '../../parts/untrusted.tsx';
import { BudgetRail } from './rail.tsx';
import {
  budgetText,
  lowestLeft,
  statusLevel,
  sideMarks,
  sideNames,
  sideTitle,
  type Status,
  timesText,
} from './words.ts';

type Slo = Item<'slos.list'>;
type Shown = Slo & { readonly status: Status };

const liveMs = 30_000;
const pageSize = 100;

const concerns = ({ status: { sides } }: Shown, team: string): boolean =>
  team === '' || sides.sender.team === team || sides.receiver.team === team;

/** All promises, the one with the least budget left first. */
export default function Objectives(): ReactNode {
  const { team = '' } = useQuerySearch();
  const pages = useReadPages(
    'slos.list',
    { query: { include: 'status', limit: pageSize } },
    { everyMs: liveMs },
  );
  if (pages.data === undefined)
    return (
      <div className="stack">
        <Sentence>Objectives</Sentence>
        {pages.error === null ? (
          <Loading height={400} what="Counting what every objective was due…" />
        ) : (
          <Refusal problem={pages.error} onRetry={() => void pages.refetch()} />
        )}
      </div>
    );
  const all = pages.data.pages.flatMap(({ items }) =>
    items.flatMap((item): Shown[] => (item.status === undefined ? [] : [{ ...item, status: item.status }])),
  );
  const shown = all
    .filter((item) => concerns(item, team))
    .toSorted((a, b) => lowestLeft(a.status) - lowestLeft(b.status) || (a.name < b.name ? -1 : 1));
  return (
    <div className="stack">
      <Summary shown={shown} isAll={!pages.hasNextPage} />
      <TeamFilter all={all} team={team} />
      <Groups shown={shown} isNone={all.length === 0} />
      {pages.hasNextPage ? (
        <p>
          <Button
            onClick={() => void pages.fetchNextPage()}
            forbidden={pages.isFetchingNextPage ? 'Asked…' : null}
          >
            {pages.isFetchingNextPage ? 'Asked…' : `Show more than these ${all.length}`}
          </Button>
        </p>
      ) : null}
    </div>
  );
}

function TeamFilter({ all, team }: { all: readonly Shown[]; team: string }): ReactNode {
  const setSearch = useSetSearch();
  const teams = [
    ...new Set(all.flatMap(({ status }) => sideNames.flatMap((side) => status.sides[side].team ?? []))),
  ].toSorted();
  if (teams.length < 2) return null;
  return (
    <label className="row no-print">
      <span className="soft">Team</span>
      <select className="select" value={team} onChange={(event) => setSearch({ team: event.target.value })}>
        <option value="">all teams</option>
        {teams.map((name) => (
          <option key={name} value={name}>
            {visible(name)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Objectives that were declared, and those that templates state. `isNone`: there are none at all. */
function Groups({ shown, isNone }: { shown: readonly Shown[]; isNone: boolean }): ReactNode {
  const declared = shown.filter((item) => !item.built_in);
  const byTemplate = Map.groupBy(
    shown.filter((item) => item.built_in),
    ({ status }) => status.template ?? '',
  );
  return (
    <>
      {isNone ? (
        <Card>
          <Empty>
            No objectives yet. Declare one under <code>slos:</code> in posthorn.yaml with the team that sends,
            the team that receives and a target, and run <code>posthorn apply</code>; or give endpoints a
            template that states one.
          </Empty>
        </Card>
      ) : null}
      {declared.length === 0 ? null : (
        <Card title="Declared, by what is left">
          <Rows items={declared} />
        </Card>
      )}
      {[...byTemplate].map(([template, items]) => (
        <TemplateGroup key={template} template={template} items={items} />
      ))}
    </>
  );
}

const worstLevel = (items: readonly Shown[]): Level => {
  const found = items.map(({ status }) => statusLevel(status));
  return found.includes('act') ? 'act' : found.includes('watch') ? 'watch' : 'well';
};

function Summary({ shown, isAll }: { shown: readonly Shown[]; isAll: boolean }): ReactNode {
  const broken = shown.filter(({ status }) => !status.kept).length;
  const burning = shown.filter(({ status }) => statusLevel(status) === 'watch').length;
  const those = isAll ? '' : `the first `;
  const text =
    shown.length === 0
      ? 'No objective is declared.'
      : broken > 0
        ? `${broken} of ${those}${plural(shown.length, 'objective')} ${broken === 1 ? 'is' : 'are'} not kept.`
        : burning > 0
          ? `Every objective is kept; the budget of ${burning} is spent too fast.`
          : shown.length === 1
            ? 'The objective is kept.'
            : `All ${those}${shown.length} objectives are kept.`;
  return (
    <Sentence
      level={shown.length === 0 ? 'well' : worstLevel(shown)}
      lead="Each is a promise of a team that sends to a team that receives, with an error budget for either side. Kept is decided by everything that was due, whichever side was at fault."
    >
      {text}
    </Sentence>
  );
}

function TemplateGroup({ template, items }: { template: string; items: readonly Shown[] }): ReactNode {
  const broken = items.filter(({ status }) => !status.kept).length;
  return (
    <section className="card card-flush">
      <details className="template-group" open={items.length <= 3 || broken > 0}>
        <summary className="spread">
          <h2>
            Template {visible(template)}: {plural(items.length, 'endpoint')}
          </h2>
          {broken === 0 ? (
            <Chip tone="good" glyph="●">
              all kept
            </Chip>
          ) : (
            <Chip tone="bad" glyph="✕">
              {broken} not kept
            </Chip>
          )}
        </summary>
        <Rows items={items} />
      </details>
    </section>
  );
}

function Rows({ items }: { items: readonly Shown[] }): ReactNode {
  return (
    <ul className="slo-list">
      {items.map((item) => (
        <Row key={item.name} item={item} />
      ))}
    </ul>
  );
}

function Row({ item: { name, status, built_in: built } }: { item: Shown }): ReactNode {
  // The objective of an endpoint has its id for a name.
  const hosts = useEndpointHosts();
  const level = levels[statusLevel(status)];
  return (
    <li className="slo-row">
      <div className="slo-what">
        <p>
          <span className={level.tone} aria-hidden="true">
            {level.glyph}
          </span>{' '}
          <span className="sr">{level.word}: </span>
          <Link to="/objectives/$objective" params={{ objective: name } as never}>
            {visible(built ? hosts(name) : name)}
          </Link>
        </p>
        <p className="soft">{status.sentence}</p>
      </div>
      {sideNames.map((side) => {
        const { team, budget_remaining: left, burn, slow_leak: leaks } = status.sides[side];
        const firing = burn.find((one) => one.firing);
        return (
          <div key={side} className="slo-side">
            <p className="spread slo-side-head">
              <span>
                <span className={`side-mark side-${side}`} aria-hidden="true">
                  {sideMarks[side].glyph}
                </span>{' '}
                {visible(sideTitle(side, team))}
              </span>
              <strong className={left !== null && left < 0 ? 'bad' : undefined}>{budgetText(left)}</strong>
            </p>
            <BudgetRail side={side} left={left} />
            {firing === undefined && !leaks ? null : (
              <p className={`slo-burns ${firing?.severity === 'page' ? 'bad' : 'wait'}`}>
                ▲ {firing === undefined ? 'leaks steadily' : `burns ${timesText(firing.rate_long)}`}
              </p>
            )}
          </div>
        );
      })}
    </li>
  );
}
