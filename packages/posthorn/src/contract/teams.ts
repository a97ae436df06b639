import { z } from 'zod';
import { description, documentName, fingerprint, named, pageSchema, pageQuery } from './fields.ts';
import { operations } from './operation.ts';

const fields = {
  description,
  channels: z.array(documentName).max(20).describe('Names of the channels that its alerts go to.'),
};

/** A declared team: in `posthorn.yaml` under `teams`, by its name, and by `PUT /v1/teams/{name}`. */
export const teamDocument = z
  .strictObject({ description: description.default(''), channels: fields.channels.default([]) })
  .meta({ id: 'TeamDocument' });

const team = z.strictObject({ name: documentName, fingerprint, ...fields }).meta({ id: 'Team' });

const example = {
  name: 'payments',
  fingerprint: '5c1f0a77d3e94b26',
  description: 'Payment services',
  channels: ['payments-pager', 'ops'],
};
const params = { name: example.name };

export const teamOperations = operations({
  'teams.list': {
    method: 'GET',
    path: '/v1/teams',
    tag: 'teams',
    scope: 'read',
    summary: 'List teams',
    description: 'Returns teams by name.',
    query: pageQuery,
    status: 200,
    answer: pageSchema('TeamList', team),
    errors: [],
    example: { answer: { items: [example], next_cursor: null } },
  },
  'teams.get': {
    method: 'GET',
    path: '/v1/teams/{name}',
    tag: 'teams',
    scope: 'read',
    summary: 'Get a team',
    description: 'Returns the team as it was declared.',
    params: named,
    status: 200,
    answer: team,
    errors: ['not_found'],
    example: { params, answer: example },
  },
  'teams.put': {
    method: 'PUT',
    path: '/v1/teams/{name}',
    tag: 'teams',
    scope: 'operate',
    summary: 'Declare a team',
    description:
      'Creates or replaces the team. Teams own endpoints and event types, are named by objectives, and are notified through their channels, which must exist.',
    params: named,
    body: teamDocument,
    status: 200,
    answer: team,
    errors: ['busy'],
    example: {
      params,
      body: { description: example.description, channels: example.channels },
      answer: example,
    },
  },
  'teams.delete': {
    method: 'DELETE',
    path: '/v1/teams/{name}',
    tag: 'teams',
    scope: 'operate',
    summary: 'Delete a team',
    description: 'Refused while the team owns an endpoint or an event type, or an objective names it.',
    params: named,
    status: 204,
    answer: null,
    errors: ['not_found', 'in_use', 'busy'],
    example: { params },
  },
});
