import type { ComponentType } from 'react';
import { filterNames } from './pages/deliveries/filters.ts';

/** One page: where it is, what it is called, and what it needs. A page is added here and nowhere else. */
export interface Page {
  /** `$name` is a parameter: `/deliveries/$delivery`. */
  readonly path: string;
  readonly title: string;
  /** In the navigation, with the letter that follows `g`. */
  readonly nav?: { readonly name: string; readonly letter: string };
  /** Parameters of the query that it knows; the page says which others were ignored. */
  readonly search: readonly string[];
  /** Not there for who came by a portal link. */
  readonly isForTeams?: boolean;
  readonly load: () => Promise<{ readonly default: ComponentType }>;
}

export const pages: readonly Page[] = [
  {
    path: '/',
    title: 'Now',
    nav: { name: 'Now', letter: 'n' },
    search: ['last', 'tenant', 'endpoint_id'],
    load: () => import('./pages/now/now.tsx'),
  },
  {
    path: '/deliveries',
    title: 'Deliveries',
    nav: { name: 'Deliveries', letter: 'd' },
    search: [...filterNames, 'last', 'since', 'until', 'open'],
    load: () => import('./pages/deliveries/list.tsx'),
  },
  {
    path: '/deliveries/$delivery',
    title: 'Delivery',
    search: [],
    load: () => import('./pages/deliveries/delivery.tsx'),
  },
  {
    path: '/events/$tenant/$id',
    title: 'Event',
    search: [],
    load: () => import('./pages/deliveries/event.tsx'),
  },
  {
    path: '/dead-letters',
    title: 'Dead letters',
    nav: { name: 'Dead letters', letter: 'x' },
    search: ['state', 'tenant', 'owner', 'endpoint_id', 'group', 'last', 'since', 'until'],
    load: () => import('./pages/dead-letters/dead-letters.tsx'),
  },
  { path: '/redrives', title: 'Redrives', search: [], load: () => import('./pages/redrives/redrives.tsx') },
  {
    path: '/redrives/$redrive',
    title: 'A redrive',
    search: [],
    load: () => import('./pages/redrives/redrive.tsx'),
  },
  { path: '/replays', title: 'Replays', search: [], load: () => import('./pages/redrives/replays.tsx') },
  {
    path: '/replays/$replay',
    title: 'A replay',
    search: [],
    load: () => import('./pages/redrives/replay.tsx'),
  },
  {
    path: '/endpoints',
    title: 'Endpoints',
    nav: { name: 'Endpoints', letter: 'e' },
    search: ['q', 'owner', 'unowned', 'template', 'state', 'tenant', 'sort'],
    load: () => import('./pages/endpoints/endpoints.tsx'),
  },
  {
    path: '/endpoints/new',
    title: 'New endpoint',
    search: [],
    isForTeams: true,
    load: () => import('./pages/endpoints/new-endpoint.tsx'),
  },
  {
    path: '/endpoints/$endpoint',
    title: 'Endpoint',
    search: ['do'],
    load: () => import('./pages/endpoints/endpoint.tsx'),
  },
  {
    path: '/objectives',
    title: 'Objectives',
    nav: { name: 'Objectives', letter: 'o' },
    search: ['team'],
    isForTeams: true,
    load: () => import('./pages/objectives/list.tsx'),
  },
  {
    path: '/objectives/$objective',
    title: 'Objective',
    search: ['side', 'rules', 'incidents'],
    isForTeams: true,
    load: () => import('./pages/objectives/objective.tsx'),
  },
  {
    path: '/teams',
    title: 'Teams',
    nav: { name: 'Teams', letter: 't' },
    search: [],
    isForTeams: true,
    load: () => import('./pages/teams/teams.tsx'),
  },
  {
    path: '/teams/$team',
    title: 'Team',
    search: [],
    isForTeams: true,
    load: () => import('./pages/teams/team.tsx'),
  },
  {
    path: '/impact',
    title: 'Impact',
    nav: { name: 'Impact', letter: 'i' },
    search: ['at', 'moment'],
    isForTeams: true,
    load: () => import('./pages/impact/impact.tsx'),
  },
  {
    path: '/missed',
    title: 'Missed',
    search: ['endpoint_id', 'since', 'until', 'last', 'by'],
    load: () => import('./pages/missed/missed.tsx'),
  },
  {
    path: '/portal',
    title: 'Portal',
    search: ['since', 'until', 'last'],
    load: () => import('./pages/portal/portal.tsx'),
  },
  {
    path: '/settings/keys',
    title: 'Keys',
    search: ['ended'],
    isForTeams: true,
    load: () => import('./pages/settings/keys.tsx'),
  },
  {
    path: '/settings/channels',
    title: 'Channels',
    search: [],
    isForTeams: true,
    load: () => import('./pages/settings/channels.tsx'),
  },
  {
    path: '/settings/templates',
    title: 'Templates',
    search: [],
    isForTeams: true,
    load: () => import('./pages/settings/templates.tsx'),
  },
  {
    path: '/settings/event-types',
    title: 'Event types',
    search: [],
    isForTeams: true,
    load: () => import('./pages/settings/event-types.tsx'),
  },
  {
    path: '/settings/nodes',
    title: 'Nodes',
    search: [],
    isForTeams: true,
    load: () => import('./pages/settings/nodes.tsx'),
  },
  {
    path: '/settings/log',
    title: 'Audit log',
    search: ['action', 'actor', 'target_kind', 'target', 'since', 'until', 'last'],
    isForTeams: true,
    load: () => import('./pages/settings/log.tsx'),
  },
];
