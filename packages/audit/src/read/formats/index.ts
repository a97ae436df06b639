import type { FormatReader } from '../spec.ts';
import { alb } from './alb.ts';
import { bullmq } from './bullmq.ts';
import { caddy } from './caddy.ts';
import { convoy } from './convoy.ts';
import { envoy } from './envoy.ts';
import { eventbridge } from './eventbridge.ts';
import { github } from './github.ts';
import { gitlab } from './gitlab.ts';
import { haproxy } from './haproxy.ts';
import { hook0 } from './hook0.ts';
import { hookdeck } from './hookdeck.ts';
import { nginx } from './nginx.ts';
import { outpost } from './outpost.ts';
import { posthorn } from './posthorn.ts';
import { sns } from './sns.ts';
import { stripe } from './stripe.ts';
import { svix } from './svix.ts';
import { traefik } from './traefik.ts';
import { zendesk } from './zendesk.ts';

/** All known formats; a file each. To add one: a file, its name in `formats` of `result.ts`, and a line here. */
export const readers: readonly FormatReader[] = [
  posthorn,
  svix,
  convoy,
  outpost,
  hookdeck,
  hook0,
  stripe,
  github,
  gitlab,
  zendesk,
  bullmq,
  eventbridge,
  sns,
  envoy,
  nginx,
  traefik,
  caddy,
  haproxy,
  alb,
];

/** The patterns of lines of text that readers own. */
export const textPatterns: readonly string[] = readers.flatMap(({ textPattern }) => textPattern ?? []);
