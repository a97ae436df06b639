import './settings.css';
import type { ReactNode } from 'react';
import { Tabs } from '../../parts/tabs.tsx';

const parts = [
  ['keys', 'Keys'],
  ['channels', 'Channels'],
  ['templates', 'Templates'],
  ['event-types', 'Event types'],
  ['nodes', 'Nodes'],
  ['log', 'Audit log'],
] as const;

export type SettingsPart = (typeof parts)[number][0];

/** A page of the settings, beside the others. */
export function SettingsFrame({ part, children }: { part: SettingsPart; children: ReactNode }): ReactNode {
  return (
    <div className="stack">
      <Tabs
        label="Settings"
        tabs={parts.map(([name, title]) => ({
          to: `/settings/${name}`,
          name: title,
          isHere: name === part,
        }))}
      />
      {children}
    </div>
  );
}
