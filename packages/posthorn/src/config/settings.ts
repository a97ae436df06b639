import { z } from 'zod';
import { defaults } from './defaults.ts';
import { publicUrlFrom, publicUrlRule } from './public-url.ts';
import { networkFrom } from '../domain/network.ts';
import { secretKeysFrom } from '../secrets/secret-key.ts';

const flag = z.union([z.boolean(), z.stringbool()], { error: 'must be true or false' });
const aNumber = z.coerce.number({ error: 'must be a number' });
/** Comma-separated networks, as CIDR or single addresses. */
const networks = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .refine((parts) => parts.every((part) => networkFrom(part) !== null), {
    message: 'must be networks such as 10.0.0.0/8,fd00::/8, separated by commas',
  })
  .default([]);
const days = aNumber.min(0.01).max(36_500);

/** Every setting of `serve`, by option or by environment variable. */
const schema = z.object({
  host: z.string().min(1).default(defaults.host),
  port: aNumber.int().min(0).max(65_535).default(defaults.port),
  dataDir: z.string().min(1).default(defaults.dataDir),
  databaseUrl: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'begins with postgres://')
    .optional(),
  nodeName: z
    .string()
    .regex(/^[\x21-\x7e]{1,100}$/, 'has 1 to 100 visible characters')
    .optional(),
  allowPrivateNetworks: flag.default(false),
  allowNetworks: networks,
  denyNetworks: networks,
  trustedProxies: networks,
  apiKey: z
    .string()
    .regex(/^phk_[\x21-\x7e]{16,200}$/, 'begins with phk_ and has at least 16 further characters')
    .optional(),
  secretKey: z
    .string()
    .superRefine((text, { addIssue }) => {
      const keys = secretKeysFrom(text);
      if (typeof keys === 'string') addIssue({ code: 'custom', message: keys });
    })
    .optional(),
  plaintextSecrets: flag.default(false),
  publicUrl: z
    .string()
    .transform((text, { addIssue }) => {
      const origin = publicUrlFrom(text);
      if (origin === null) addIssue({ code: 'custom', message: publicUrlRule });
      return origin ?? text;
    })
    .optional(),
  insecureDashboard: flag.default(false),
  noDashboard: flag.default(false),
  dashboardHost: z
    .string()
    .regex(/^[^\s/]+:\d{1,5}$/, 'must be host:port, such as 10.0.0.5:8401')
    .transform((text) => {
      const at = text.lastIndexOf(':');
      return { host: text.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port: Number(text.slice(at + 1)) };
    })
    .refine(({ port }) => port <= 65_535, 'has a port up to 65535')
    .optional(),
  metricsKey: z
    .string()
    .regex(/^[\x21-\x7e]{16,200}$/, 'has 16 to 200 visible characters')
    .optional(),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default(defaults.logLevel),
  retentionDays: days.default(defaults.retentionDays),
  deadRetentionDays: days.default(defaults.deadRetentionDays),
  auditRetentionDays: days.default(defaults.auditRetentionDays),
  stopGraceS: aNumber.min(1).max(3600).default(defaults.stopGraceS),
  reconcileEveryS: aNumber.min(1).max(86_400).default(defaults.reconcileEveryS),
  watchdogUrl: z
    .string()
    .regex(/^https?:\/\/[^\s]+$/, 'is an http or https URL')
    .optional(),
  evaluateEveryS: aNumber.min(1).max(3600).default(defaults.evaluateEveryS),
  proxy: z
    .string()
    .refine(
      (text) => /^(https?|socks5h?):\/\/[^/]/i.test(text) && URL.canParse(text),
      'must be http://host:port, https://host:port or socks5://host:port',
    )
    .optional(),
});
export type Settings = z.output<typeof schema>;

const names: Readonly<Record<keyof Settings, string>> = {
  host: 'HOST',
  port: 'PORT',
  dataDir: 'DATA_DIR',
  databaseUrl: 'DATABASE_URL',
  nodeName: 'NODE_NAME',
  allowPrivateNetworks: 'ALLOW_PRIVATE_NETWORKS',
  allowNetworks: 'ALLOW_NETWORKS',
  denyNetworks: 'DENY_NETWORKS',
  trustedProxies: 'TRUSTED_PROXIES',
  apiKey: 'API_KEY',
  secretKey: 'SECRET_KEY',
  plaintextSecrets: 'PLAINTEXT_SECRETS',
  publicUrl: 'PUBLIC_URL',
  insecureDashboard: 'INSECURE_DASHBOARD',
  noDashboard: 'NO_DASHBOARD',
  dashboardHost: 'DASHBOARD_HOST',
  metricsKey: 'METRICS_KEY',
  logLevel: 'LOG_LEVEL',
  retentionDays: 'RETENTION_DAYS',
  deadRetentionDays: 'DEAD_RETENTION_DAYS',
  auditRetentionDays: 'AUDIT_RETENTION_DAYS',
  stopGraceS: 'STOP_GRACE_S',
  reconcileEveryS: 'RECONCILE_EVERY_S',
  watchdogUrl: 'WATCHDOG_URL',
  evaluateEveryS: 'EVALUATE_EVERY_S',
  proxy: 'PROXY',
};

/** No options of the command: keys, because every user of a machine can see the arguments of a process, and what is rarely set. */
const onlyVariables: ReadonlySet<keyof Settings> = new Set([
  'apiKey',
  'secretKey',
  'reconcileEveryS',
  'evaluateEveryS',
  'watchdogUrl',
]);

/** Proxies named by the environment, which apply only if Node is configured to use them: an accident must not reroute payments. */
export function proxyFromEnvironment(env: Readonly<Record<string, string | undefined>>):
  | {
      readonly http?: string | undefined;
      readonly https?: string | undefined;
      readonly no?: string | undefined;
    }
  | undefined {
  if (env['NODE_USE_ENV_PROXY'] !== '1') return undefined;
  const read = (name: string): string | undefined => env[name.toLowerCase()] ?? env[name];
  return { http: read('HTTP_PROXY'), https: read('HTTPS_PROXY'), no: read('NO_PROXY') };
}

/** The variables of all settings, without `POSTHORN_`. */
export const settingVariables: readonly string[] = Object.values(names);

/** Options win over the environment, the environment over defaults. Faults name the variable, and the option if there is one. */
export function readSettings(
  options: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
): { readonly settings: Settings } | { readonly faults: readonly string[] } {
  const given: Record<string, unknown> = {};
  for (const [name, variable] of Object.entries(names)) {
    const value = options[name] ?? env[`POSTHORN_${variable}`];
    // Kubernetes sets POSTHORN_PORT=tcp://… for a service named posthorn.
    const injected = name === 'port' && typeof value === 'string' && value.startsWith('tcp://');
    if (value !== undefined && value !== '' && !injected) given[name] = value;
  }
  const result = schema.safeParse(given);
  if (result.success) return { settings: result.data };
  return {
    faults: result.error.issues.map(({ path, message }) => {
      const name = String(path[0]) as keyof Settings;
      if (onlyVariables.has(name)) return `POSTHORN_${names[name]}: ${message}`;
      return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} (POSTHORN_${names[name]}): ${message}`;
    }),
  };
}
