import { useEffect, useRef, type ReactNode } from 'react';
import { useNow } from '../../clock.ts';
import { useKeys } from '../../keys.ts';
import { Amounts } from '../../parts/amounts.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { useRead } from '../../query.ts';
import { useSetSearch } from '../../url.ts';
import { Equation } from './equation.tsx';
import { NeedText } from './needs.tsx';
import { needLook, type Now } from './words.ts';

const minuteMs = 60_000;
const needsShown = 5;
/** So that nothing burns in: a step of two pixels a minute, around a square. */
const shifts = [
  [0, 0],
  [2, 0],
  [2, 2],
  [0, 2],
] as const;

/** A new version of the server has another application: the screen loads it by itself. */
function useReloadOnNewVersion(): void {
  const { data } = useRead('me.get', {}, { everyMs: minuteMs });
  const first = useRef<string | null>(null);
  const version = data?.version;
  useEffect(() => {
    if (version === undefined) return;
    if (first.current !== null && first.current !== version) location.reload();
    first.current = version;
  }, [version]);
}

/** For a screen on a wall: the sentence, the equation and what needs attention, to be read from five meters away. */
export function Wall({ now, lead }: { now: Now; lead: ReactNode }): ReactNode {
  const setSearch = useSetSearch();
  useReloadOnNewVersion();
  useKeys([{ keys: 'Escape', text: 'Leave the wall', run: () => setSearch({ wall: null }) }]);
  const [x, y] = shifts[Math.floor(useNow() / minuteMs) % shifts.length]!;
  return (
    <div className="wall" style={{ transform: `translate(${x}px, ${y}px)` }}>
      <Sentence level={now.level} lead={lead}>
        {now.sentence}
      </Sentence>
      <section className="card" aria-label="The ledger">
        <Equation now={now} isPlain />
      </section>
      {now.needs.length === 0 ? null : (
        <section className="card" aria-label="Needs attention">
          <ul className="wall-needs">
            {now.needs.slice(0, needsShown).map((need) => {
              const { glyph, tone, word } = needLook(need);
              return (
                <li key={`${need.kind} ${need.endpoint_id ?? need.alert_id ?? need.subject ?? ''}`}>
                  <span className={tone} aria-hidden="true">
                    {glyph}
                  </span>
                  <span>
                    <span className="sr">{word}: </span>
                    <NeedText need={need} />
                  </span>
                  <span className="num">
                    <Amounts money={need.value} isShort />
                  </span>
                </li>
              );
            })}
          </ul>
        </section>
      )}
    </div>
  );
}
