import { type Operation, tags } from '../../packages/posthorn/src/contract/operation.ts';
import { camelCase } from '../../packages/client/src/shape.ts';
import { type Definitions, type JsonSchema, jsonSchema, refName, type Side } from './json-schema.ts';
import { shapeOf, type ShapeWriter } from './shapes.ts';
import { comment, members, pascalCase, typeOf, type TypeWriter } from './types.ts';

type Table = Readonly<Record<string, Operation>>;

/** The parts of an operation, as JSON Schema. */
interface Call {
  readonly id: string;
  readonly operation: Operation;
  readonly query: JsonSchema | undefined;
  readonly body: JsonSchema | undefined;
  readonly answer: JsonSchema | undefined;
  readonly isText: boolean;
  readonly isList: boolean;
  readonly lines: LineSchemas | undefined;
}

/** The schemas of a call that streams lines. */
interface LineSchemas {
  readonly query: JsonSchema;
  readonly line: JsonSchema;
  readonly answer: JsonSchema;
}

interface Component {
  readonly name: string;
  readonly side: Side;
  readonly schema: JsonSchema;
}

const head = '// Generated from the operations table by `npm run generate`: do not edit.\n\n';

export const versionFile = (version: string): string =>
  `// Generated from package.json by \`npm run generate\`: do not edit.\n\nexport const version = '${version}';\n`;

/** Writes the files of `packages/client/src/generated`, by name, not yet formatted. */
export function clientFiles(table: Table, version: string): Readonly<Record<string, string>> {
  const { calls, definitions } = readTable(table);
  const names = componentNames(definitions);
  const writer: TypeWriter = { nameOf: names.nameOf, wireNames: wireNames(calls, definitions) };
  const components = componentsOf(definitions, names.nameOf);
  return {
    'types.ts': typesFile(writer, calls, components),
    'api.ts': apiFile(writer, calls, components),
    'operations.ts': operationsFile({ calls, definitions }, components, names.nameOf),
    'version.ts': versionFile(version),
  };
}

function readTable(table: Table): {
  calls: readonly Call[];
  definitions: Readonly<Record<Side, Definitions>>;
} {
  const definitions: Record<Side, Record<string, JsonSchema>> = { input: {}, output: {} };
  const read = (schema: Operation['body'], side: Side): JsonSchema | undefined => {
    if (schema === undefined) return undefined;
    const { schema: its, definitions: found } = jsonSchema(schema, side);
    for (const [name, definition] of Object.entries(found)) {
      const known = (definitions[side][name] ??= definition);
      if (JSON.stringify(known) !== JSON.stringify(definition))
        throw new Error(`two components are called ${name}`);
    }
    return its;
  };
  const calls = Object.entries(table).map(([id, operation]): Call => {
    const { contentType = 'application/json', isStream = false, lines } = operation;
    const query = querySchema(operation);
    const answer = read(operation.answer ?? undefined, 'output');
    const members = (answer?.$ref === undefined ? answer : definitions.output[refName(answer.$ref)])
      ?.properties;
    return {
      id,
      operation,
      query,
      body: read(operation.body, 'input'),
      answer,
      isText: !isStream && !/json/.test(contentType),
      lines:
        lines === undefined
          ? undefined
          : {
              query: querySchema(lines)!,
              line: read(lines.line, 'input')!,
              answer: read(lines.answer, 'output')!,
            },
      isList: ['items', 'next_cursor'].every((name) => members?.[name]) && !!query?.properties?.['cursor'],
    };
  });
  return { calls, definitions };
}

/**
 * The types of a query's parameters after parsing, because a URL contains only text, and which of them are optional.
 */
function querySchema({ query }: Pick<Operation, 'query'>): JsonSchema | undefined {
  if (query === undefined) return undefined;
  const properties = Object.entries(query.shape).map(([name, schema]) => {
    const output = jsonSchema(schema, 'output').schema;
    const its = Object.keys(output).length > 0 ? output : jsonSchema(schema, 'input').schema;
    // A list may be a single value.
    const { description, ...list } = its;
    const alone = its.type === 'array' && its.items ? { description, anyOf: [its.items, list] } : its;
    return [name, alone] as const;
  });
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    required: Object.entries(query.shape)
      .filter(([, schema]) => !schema.safeParse(undefined).success)
      .map(([name]) => name),
  };
}

/** A component that differs between requests and responses has a name for each. */
function componentNames(definitions: Readonly<Record<Side, Definitions>>): {
  nameOf: TypeWriter['nameOf'];
} {
  const differing = new Set<string>();
  const nameOf: TypeWriter['nameOf'] = (name, side) =>
    side === 'input' && differing.has(name) ? `${pascalCase(name)}Input` : pascalCase(name);
  const writer: TypeWriter = { nameOf, wireNames: new Set() };
  const both = Object.keys(definitions.input).filter((name) => definitions.output[name] !== undefined);
  for (let before = -1; before < differing.size;) {
    before = differing.size;
    for (const name of both) {
      const [input, output] = (['input', 'output'] as const).map((side) =>
        typeOf(writer, definitions[side][name]!, side),
      );
      if (input !== output) differing.add(name);
    }
  }
  return { nameOf };
}

function componentsOf(
  definitions: Readonly<Record<Side, Definitions>>,
  nameOf: TypeWriter['nameOf'],
): readonly Component[] {
  const byName = new Map<string, Component>();
  for (const side of ['output', 'input'] as const)
    for (const [id, schema] of Object.entries(definitions[side])) {
      const name = nameOf(id, side);
      if (!byName.has(name)) byName.set(name, { name, side, schema });
    }
  return [...byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function wireNames(
  calls: readonly Call[],
  definitions: Readonly<Record<Side, Definitions>>,
): ReadonlySet<string> {
  const names = new Set<string>();
  const walk = (schema: unknown): void => {
    if (typeof schema !== 'object' || schema === null) return;
    for (const name of Object.keys((schema as JsonSchema).properties ?? {})) names.add(name);
    Object.values(schema).forEach(walk);
  };
  walk([calls.map(({ query, body, answer, lines }) => [query, body, answer, lines]), definitions]);
  return names;
}

const linesId = (id: string): string => `${id}Lines`;
const inputName = (id: string): string => `${id.split('.').map(pascalCase).join('')}Input`;

/** The input of a call besides its path: one object for query and body. */
function inputType(writer: TypeWriter, { id, query, body }: Call): string | null {
  if (query === undefined && body === undefined) return null;
  return query === undefined && body?.$ref !== undefined ? typeOf(writer, body, 'input') : inputName(id);
}

function typesFile(writer: TypeWriter, calls: readonly Call[], components: readonly Component[]): string {
  const declared = components.map(({ name, schema, side }) => {
    const said = comment(writer, schema.description);
    return schema.properties === undefined
      ? `${said}export type ${name} = ${typeOf(writer, schema, side)};`
      : `${said}export interface ${name} { ${members(writer, schema, side)} }`;
  });
  const inputs = calls.flatMap((call) => {
    const { id, query, body } = call;
    if (inputType(writer, call) !== inputName(id)) return [];
    const said = `/** What \`${id}\` takes. */\n`;
    if (body === undefined)
      return [`${said}export interface ${inputName(id)} { ${members(writer, query!, 'input')} }`];
    const parts = [body, ...(query === undefined ? [] : [query])].map((part) =>
      typeOf(writer, part, 'input'),
    );
    return [`${said}export type ${inputName(id)} = ${parts.join(' & ')};`];
  });
  const ofLines = calls.flatMap(({ id, lines }) =>
    lines === undefined
      ? []
      : [
          `/** What \`${linesId(id)}\` takes beside the lines. */\nexport interface ${inputName(linesId(id))} { ${members(writer, lines.query, 'input')} }`,
        ],
  );
  return `${head}${[...declared, ...inputs, ...ofLines].join('\n\n')}\n`;
}

/** The methods of every resource, and the name of every operation. */
function apiFile(writer: TypeWriter, calls: readonly Call[], components: readonly Component[]): string {
  const resources = new Map<string, readonly Call[]>();
  for (const call of calls) {
    const resource = call.id.split('.')[0]!;
    resources.set(resource, [...(resources.get(resource) ?? []), call]);
  }
  const interfaces = [...resources].map(
    ([resource, its]) =>
      `/** ${tags[its[0]!.operation.tag]} */\nexport interface ${pascalCase(resource)}Api<Options> {${its
        .map((call) => methodOf(writer, call))
        .join('\n')}}`,
  );
  const text = [
    ...interfaces,
    `/** Every call, by its resource. */\nexport interface Api<Options> { ${[...resources.keys()]
      .map((resource) => `readonly ${resource}: ${pascalCase(resource)}Api<Options>;`)
      .join('\n')} }`,
    `export type OperationId = ${calls.map(({ id }) => `'${id}'`).join(' | ')};`,
  ].join('\n\n');
  const types = [
    ...components.map(({ name }) => name),
    ...calls.flatMap((call) => (inputType(writer, call) === inputName(call.id) ? [inputName(call.id)] : [])),
    ...calls.flatMap(({ id, lines }) => (lines === undefined ? [] : [inputName(linesId(id))])),
  ];
  return [
    head,
    ...(/\bPageRequest\b/.test(text) ? ["import type { PageRequest } from '../page.ts';\n"] : []),
    `import type { ${used(types, text).join(', ')} } from './types.ts';\n\n`,
    `${text}\n`,
  ].join('');
}

const used = (names: readonly string[], text: string): readonly string[] =>
  names.filter((name) => new RegExp(`\\b${name}\\b`).test(text));

function methodOf(writer: TypeWriter, call: Call): string {
  const { id, operation, query, body, answer, isText } = call;
  const input = inputType(writer, call);
  // An empty change or an empty document is never intended.
  const isChange = operation.method === 'PATCH' || operation.method === 'PUT';
  const isOptional =
    (query?.required ?? []).length === 0 &&
    (body === undefined || (!isChange && operation.body!.safeParse({}).success));
  const parameters = [
    ...[...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => `${camelCase(name!)}: string`),
    ...(input === null ? [] : [`input${isOptional ? '?' : ''}: ${input}`]),
    'options?: Options',
  ];
  const type = answer === undefined ? 'void' : isText ? 'string' : typeOf(writer, answer, 'output');
  const said = comment(writer, `${operation.summary}. ${operation.description}`.trim());
  const wrapper = operation.isStream ? 'AsyncIterable' : call.isList ? 'PageRequest' : 'Promise';
  const method = `${said}${id.split('.')[1]}(${parameters.join(', ')}): ${wrapper}<${type}>;`;
  return call.lines === undefined ? method : `${method}\n${linesMethodOf(writer, id, call.lines)}`;
}

/** The same call with lines as body and response. */
function linesMethodOf(writer: TypeWriter, id: string, { line, answer }: LineSchemas): string {
  const its = typeOf(writer, line, 'input');
  const said = comment(
    writer,
    `The same with any number of lines, which are read as they are sent. The answer is complete when it ends.`,
  );
  return `${said}${id.split('.')[1]}Lines(lines: Iterable<${its}> | AsyncIterable<${its}>, input: ${inputName(linesId(id))}, options?: Options): AsyncIterable<${typeOf(writer, answer, 'output')}>;`;
}

/** The data of every operation that the client needs at run time. */
function operationsFile(
  { calls, definitions }: ReturnType<typeof readTable>,
  components: readonly Component[],
  nameOf: TypeWriter['nameOf'],
): string {
  const constant = (name: string): string => `${name[0]!.toLowerCase()}${name.slice(1)}Shape`;
  const writer: ShapeWriter = { constantOf: (name, side) => constant(nameOf(name, side)) };
  // A union of messages is read message by message, so it lacks a constant.
  const unions = new Set(
    calls.filter(({ operation }) => operation.isStream).map(({ answer }) => refName(answer?.$ref ?? '')),
  );
  const declared = inOrder(
    components
      .filter(({ name }) => !unions.has(name))
      .map(({ name, schema, side }) => ({
        name: constant(name),
        text: shapeOf(writer, schema, side),
      })),
  );
  const entries = calls.map(({ id, operation, query, body, answer, isText, isList, lines }) => {
    const { method, path, otherStatus = 200, isStream } = operation;
    const parts = [
      `method: '${method}'`,
      `path: '${path}'`,
      ...(otherStatus < 300 ? [] : [`otherStatus: ${otherStatus}`]),
      ...(query === undefined ? [] : [`query: ${shapeOf(writer, query, 'input')}`]),
      ...(body === undefined ? [] : [`body: ${shapeOf(writer, body, 'input')}`]),
      ...(answer === undefined || isStream
        ? []
        : [`answer: ${isText ? "'text'" : shapeOf(writer, answer, 'output')}`]),
      ...(isList ? ['isList: true'] : []),
      ...(isStream ? [`messages: ${messagesOf(writer, answer!, definitions.output)}`] : []),
      ...(lines === undefined
        ? []
        : [
            `lines: { query: ${shapeOf(writer, lines.query, 'input')}, line: ${shapeOf(writer, lines.line, 'input')}, answer: ${shapeOf(writer, lines.answer, 'output')} }`,
          ]),
    ];
    return `'${id}': { ${parts.join(', ')} },`;
  });
  const text = [
    ...declared.map(({ name, text: shape }) => `const ${name} = ${shape};`),
    `export const operations: Readonly<Record<OperationId, Operation>> = {\n${entries.join('\n')}\n};`,
  ].join('\n');
  return [
    head,
    "import type { Operation } from '../operation.ts';\n",
    `import { ${used(constructors, text).join(', ')} } from '../shape.ts';\n`,
    "import type { OperationId } from './api.ts';\n\n",
    `${text}\n`,
  ].join('');
}

/** The shapes of a stream's messages, by the event that each of them has. */
function messagesOf(writer: ShapeWriter, answer: JsonSchema, definitions: Definitions): string {
  const schemaOf = (one: JsonSchema): JsonSchema =>
    one.$ref === undefined ? one : definitions[refName(one.$ref)]!;
  const messages = (schemaOf(answer).oneOf ?? []).map((one) => {
    const event = schemaOf(one).properties!['event']!.const;
    return `${JSON.stringify(event)}: ${shapeOf(writer, one, 'output')}`;
  });
  return `{ ${messages.join(', ')} }`;
}

const constructors = [
  'amount',
  'anything',
  'either',
  'flag',
  'list',
  'nothing',
  'nullable',
  'number',
  'object',
  'optional',
  'record',
  'text',
];

/** Orders components after those that they refer to. */
function inOrder<T extends { readonly name: string; readonly text: string }>(constants: readonly T[]): T[] {
  const ordered: T[] = [];
  const add = (constant: T, path: readonly string[]): void => {
    if (path.includes(constant.name)) throw new Error(`${constant.name} contains itself`);
    if (ordered.includes(constant)) return;
    for (const other of constants)
      if (other !== constant && new RegExp(`\\b${other.name}\\b`).test(constant.text))
        add(other, [...path, constant.name]);
    ordered.push(constant);
  };
  for (const constant of constants) add(constant, []);
  return ordered;
}
