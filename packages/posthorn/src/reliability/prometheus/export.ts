import { stringify } from 'yaml';
import type { NamedSlo } from '../../domain/objective.ts';
import { dashboard, dashboardProvider } from './dashboard.ts';
import type { RuleFile } from './rule-file.ts';
import { sloRules } from './slo-rules.ts';
import { systemRules } from './system-rules.ts';

/** All rules: what holds of every Posthorn, and one group for each objective. */
export function ruleFile(slos: readonly NamedSlo[]): RuleFile {
  return { groups: [...systemRules, ...slos.map(sloRules)] };
}

export interface ExportedFile {
  readonly name: string;
  readonly text: string;
}

const yaml = (value: unknown): string => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });

/** The files that Prometheus and Grafana read. Pure: the same objectives make the same text. */
export function exportedFiles(slos: readonly NamedSlo[]): readonly [ExportedFile, ...ExportedFile[]] {
  return [
    {
      name: 'posthorn-rules.yaml',
      text: `# Made by posthorn rules export; changes are lost at the next one.\n${yaml(ruleFile(slos))}`,
    },
    { name: 'grafana/posthorn.json', text: `${JSON.stringify(dashboard(), null, 2)}\n` },
    { name: 'grafana/provider.yaml', text: yaml(dashboardProvider) },
  ];
}
