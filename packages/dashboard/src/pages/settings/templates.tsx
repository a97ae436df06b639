import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Item } from '../../api.ts';
import { Card } from '../../parts/card.tsx';
import { percent, plural } from '../../parts/number.ts';
import { Empty, Reading } from '../../parts/panel.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { durationText } from '../../parts/time.ts';
import { Untrusted } from '../../parts/untrusted.tsx';
import { useRead } from '../../query.ts';
import { DeclaredDocument } from './documents.tsx';
import { SettingsFrame } from './frame.tsx';
import { Versions } from './versions.tsx';

type Template = Item<'templates.list'>;

/** What a template promises, as a sentence. */
function promise({ timeout_ms: timeoutMs, deliver_within_s: withinS, slo }: Template): string {
  const target = slo === null ? 'no objective' : `${percent(slo.target)} in ${slo.window_days} days`;
  return `Within ${durationText(withinS * 1000)}, ${target}; an attempt may take ${durationText(timeoutMs)}.`;
}

/** Templates: what endpoints that follow them promise. */
export default function TemplatesPage(): ReactNode {
  const templates = useRead('templates.list', { query: { limit: 1000 } });
  return (
    <SettingsFrame part="templates">
      <Reading of={templates} what="Reading the templates…" height={320}>
        {({ items }) => {
          const declared = items.filter(({ built_in: builtIn }) => !builtIn).length;
          return (
            <div className="stack">
              <Sentence lead="Declared as code: a change here would last until the next posthorn apply.">
                {declared === 0
                  ? `${plural(items.length, 'template')}, all of them built in.`
                  : `${plural(declared, 'template')} of your own, and ${items.length - declared} built in.`}
              </Sentence>
              <Card title="Templates">
                {items.length === 0 ? (
                  <Empty>No templates yet: declare one in posthorn.yaml.</Empty>
                ) : (
                  items.map((template) => <TemplateDetails key={template.name} of={template} />)
                )}
              </Card>
            </div>
          );
        }}
      </Reading>
    </SettingsFrame>
  );
}

function TemplateDetails({ of: template }: { of: Template }): ReactNode {
  const { name, version, built_in: builtIn, fingerprint: _, description, ...fields } = template;
  return (
    <DeclaredDocument
      name={name}
      summary={`version ${version}${builtIn ? ', built in' : ''}. ${promise(template)}`}
      section="templates"
      document={{ name, description, ...fields }}
    >
      {description === '' ? null : (
        <p>
          <Untrusted text={description} />
        </p>
      )}
      <p>
        <Link to={'/endpoints' as string} search={{ template: name } as never}>
          Endpoints that follow it
        </Link>
      </p>
      {builtIn ? null : <Versions name={name} />}
    </DeclaredDocument>
  );
}
