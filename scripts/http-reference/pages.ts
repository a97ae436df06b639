import { errorKinds } from '../../packages/posthorn/src/contract/errors.ts';
import { openApiFrom } from '../../packages/posthorn/src/contract/openapi.ts';
import { type Operation, type Tag, tags } from '../../packages/posthorn/src/contract/operation.ts';
import type { ErrorCode } from '../../packages/posthorn/src/domain/errors.ts';
import {
  type Attribute,
  attributesOf,
  componentName,
  componentsIn,
  type Schema,
  typeOf,
} from './attributes.ts';

interface Parameter {
  readonly name?: string;
  readonly in?: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: Schema;
}

interface Media {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}

/** An operation in the OpenAPI document. */
interface Described {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Media & { readonly required: boolean };
  readonly responses: Readonly<Record<string, Media>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

function attributeTable(attributes: readonly Attribute[], side: 'request' | 'answer'): string {
  const when = ({ isRequired }: Attribute): string =>
    side === 'request' ? (isRequired ? ' (required)' : '') : isRequired ? '' : ' (not always there)';
  return table(
    [side === 'request' ? 'field' : 'attribute', 'type', ''],
    attributes.map((one) => [`\`${one.name}\`${when(one)}`, one.type, one.description]),
  );
}

const anchor = (title: string): string =>
  title
    .toLowerCase()
    .replaceAll(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-');
const title = (tag: string): string =>
  tag === 'slos' ? 'SLOs' : `${tag[0]!.toUpperCase()}${tag.slice(1)}`.replaceAll('-', ' ');

function shell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Returns a request to paste into a shell. */
function curl({ method, path, scope, example, body }: Operation): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(example.params?.[name] ?? ''),
  );
  const query = new URLSearchParams(example.query).toString().replaceAll('%2C', ',');
  const url = `"$POSTHORN_URL${filled}${query === '' ? '' : `?${query}`}"`;
  const hasBody = body !== undefined && example.body !== undefined;
  return [
    `curl${method === 'GET' ? '' : ` -X ${method}`} ${url}`,
    ...(scope === 'none' || scope === 'metrics' ? [] : ['-H "Authorization: Bearer $POSTHORN_API_KEY"']),
    ...(hasBody ? ['-H "Content-Type: application/json"', `-d ${shell(JSON.stringify(example.body))}`] : []),
  ].join(' \\\n  ');
}

const fenced = (language: string, text: string): string => `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;
const jsonLines = (values: readonly unknown[]): string =>
  values.map((value) => JSON.stringify(value)).join('\n');

/** Describes the call with lines as body and response. */
function linesExample({ path, lines }: Operation): string {
  if (lines === undefined) return '';
  const query = new URLSearchParams(lines.example.query).toString().replaceAll('%3A', ':');
  const request = [
    `curl -X POST "$POSTHORN_URL${path}?${query}"`,
    '-H "Authorization: Bearer $POSTHORN_API_KEY"',
    '-H "Content-Type: application/x-ndjson"',
    '-H "Accept: application/x-ndjson"',
    `--data-binary ${shell(jsonLines(lines.example.body))}`,
  ].join(' \\\n  ');
  return `With lines:\n\n${fenced('bash', request)}\n\nanswers:\n\n${fenced('json', jsonLines(lines.example.answer))}`;
}

function answerExample({ status, answer, example, contentType = 'json', isStream }: Operation): string {
  if (answer === null) return `Answers ${status} without a body.`;
  if (isStream === true) {
    const { event, id, data } = example.answer as { event: string; id: string; data: unknown };
    return `Answers ${status} with a stream of messages such as:\n\n${fenced('text', `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}`)}`;
  }
  const text = typeof example.answer === 'string' ? example.answer : JSON.stringify(example.answer, null, 2);
  const language = contentType.startsWith('text/html')
    ? 'html'
    : typeof example.answer === 'string'
      ? 'text'
      : 'json';
  return `Answers ${status}:\n\n${fenced(language, text)}`;
}

function keyNeeded({ scope }: Operation): string {
  if (scope === 'none') return 'no key';
  if (scope === 'any') return 'any key, session or portal link';
  return scope === 'metrics'
    ? 'no key, unless the server has one for metrics'
    : `a key that may ${scope === 'admin' ? 'administer' : scope}`;
}

function parameterTable(parameters: readonly Parameter[]): string {
  const object: Schema = {
    properties: Object.fromEntries(
      parameters.map(({ name, schema, description }) => [
        name!,
        { ...schema, ...(description === undefined ? {} : { description }) },
      ]),
    ),
    required: parameters.filter(({ required }) => required).map(({ name }) => name!),
  };
  return attributeTable(attributesOf(object), 'request');
}

function operationSection(
  id: string,
  operation: Operation,
  described: Described,
  schemas: Document['components']['schemas'],
): string {
  const { method, path, summary, description, errors, status } = operation;
  const parameters = described.parameters ?? [];
  const inPath = parameters.filter((one) => one.in === 'path');
  const inQuery = parameters.filter((one) => one.in === 'query');
  const body = described.requestBody?.content?.['application/json']?.schema;
  const answer = Object.values(described.responses[status]?.content ?? {})[0]?.schema;
  const fields = body?.$ref === undefined ? body : schemas[componentName(body.$ref)];
  const bodyRows = fields === undefined ? [] : attributesOf(fields);
  return [
    `## ${summary}`,
    `\`${method} ${path}\` needs ${keyNeeded(operation)}. In the library and the client: \`${id}\`.`,
    description,
    ...(inPath.length === 0 ? [] : [`In the path:\n\n${parameterTable(inPath)}`]),
    ...(inQuery.length === 0 ? [] : [`In the query:\n\n${parameterTable(inQuery)}`]),
    ...(body === undefined
      ? []
      : [
          `The body${described.requestBody!.required ? '' : ' (may be left out)'}:\n\n${bodyRows.length === 0 ? typeOf(body) : attributeTable(bodyRows, 'request')}`,
        ]),
    `\`\`\`bash\n${curl(operation)}\n\`\`\``,
    answerExample(operation),
    ...(operation.lines === undefined ? [] : [linesExample(operation)]),
    ...(answer?.$ref === undefined ? [] : [`Attributes: ${typeOf(answer)}.`]),
    errors.length === 0
      ? 'Errors: those of [every call](index.md#errors).'
      : `Errors: ${errors.map((code) => `\`${code}\` (${errorKinds[code].status})`).join(', ')}, and those of [every call](index.md#errors).`,
  ].join('\n\n');
}

function componentSection(name: string, schema: Schema): string {
  const { description } = schema;
  const choices = schema.anyOf ?? schema.oneOf;
  const rows = attributesOf(schema);
  const text =
    rows.length > 0
      ? attributeTable(rows, 'answer')
      : choices !== undefined && choices.every(({ properties }) => properties !== undefined)
        ? choices.map((choice) => attributeTable(attributesOf(choice), 'request')).join('\n\nor\n\n')
        : `Is ${typeOf(schema)}.`;
  return [`### ${name}`, ...(description === undefined ? [] : [description]), text].join('\n\n');
}

const note = '<!-- Generated from the operations table by `npm run docs:http`: do not edit. -->';

/** The pages of the reference by file name, one for each resource. */
export function referencePages(
  operations: Readonly<Record<string, Operation>>,
): Readonly<Record<string, string>> {
  const document = openApiFrom(operations, '') as unknown as Document;
  const { schemas } = document.components;
  const byTag = Map.groupBy(Object.entries(operations), ([, { tag }]) => tag);
  const page = (tag: Tag): string => {
    const mine = (byTag.get(tag) ?? []).map(([id, operation]) => ({
      id,
      operation,
      described: document.paths[operation.path]![operation.method.toLowerCase()]!,
    }));
    const answers = mine.map(({ operation, described }) => described.responses[operation.status]);
    const bodies = mine.map(({ described }) => described.requestBody ?? null);
    const named = [...componentsIn([answers, inner(bodies, schemas)], schemas)].filter(
      (name) => name !== 'Problem',
    );
    return [
      `# ${title(tag)}`,
      note,
      tags[tag],
      table(
        ['call', ''],
        mine.map(({ operation: { method, path, summary } }) => [
          `\`${method} ${path}\``,
          `[${summary}](#${anchor(summary)})`,
        ]),
      ),
      ...mine.map(({ id, operation, described }) => operationSection(id, operation, described, schemas)),
      ...(named.length === 0
        ? []
        : ['## Attributes', ...named.toSorted().map((name) => componentSection(name, schemas[name]!))]),
      '',
    ].join('\n\n');
  };
  return Object.fromEntries([...byTag.keys()].map((tag) => [`${tag}.md`, `${page(tag).trimEnd()}\n`]));
}

/** Fields of component bodies are listed at the call, so this lists only the components that they refer to. */
function inner(
  bodies: readonly (Described['requestBody'] | null)[],
  schemas: Document['components']['schemas'],
): unknown[] {
  return bodies.map((body) => {
    const schema = body?.content?.['application/json']?.schema;
    const fields = schema?.$ref === undefined ? schema : schemas[componentName(schema.$ref)];
    return fields === undefined || attributesOf(fields).length > 0 ? fields : schema;
  });
}

const generated = /(<!-- generated: (\w+) -->\n)[^]*?(\n<!-- end -->)/g;

/** The index page with its generated parts brought up to date; the rest is written by hand. */
export function indexPage(written: string, operations: Readonly<Record<string, Operation>>): string {
  const parts: Readonly<Record<string, string>> = {
    calls: table(
      ['call', 'key', ''],
      Object.values(operations).map(({ method, path, scope, summary, tag }) => [
        `\`${method} ${path}\``,
        scope,
        `[${summary}](${tag}.md#${anchor(summary)})`,
      ]),
    ),
    errors: table(
      ['status', 'code', 'what it means', 'what to do'],
      (Object.keys(errorKinds) as ErrorCode[])
        .toSorted((a, b) => errorKinds[a].status - errorKinds[b].status || (a < b ? -1 : 1))
        .map((code) => [
          String(errorKinds[code].status),
          `\`${code}\``,
          errorKinds[code].meaning,
          errorKinds[code].remedy,
        ]),
    ),
  };
  return written.replaceAll(generated, (_, begin: string, name: string, end: string) => {
    const part = parts[name];
    if (part === undefined) throw new Error(`the index page lacks the generated part ${name}`);
    return `${begin}\n${part}\n${end}`;
  });
}
