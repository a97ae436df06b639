import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { boundedPattern, linearPattern, type Pattern } from '../sandbox/patterns.ts';
import type { SchemaFault, Verdict } from './verdict.ts';

const maxFaults = 20;
const maxPathLength = 512;
/** Every fault of a large text would be more than a caller reads: an array of 100,000 wrong items has as many. */
const maxThoroughLength = 16_384;
/** Ajv's regular expression for `url` is cubic: 100,000 colons take 22 s. */
const maxUrlLength = 2048;
/** Ajv's optimizer takes quadratic time: 460 ms for 1,200 properties, 320 of which are its own. */
const maxOptimizedLength = 16_384;

type PatternEngine = (pattern: string, flags: string) => Pattern;

/** Compiles a schema; throws if it is invalid. Each has its own Ajv, so that no `$id` reaches another type's. */
function compile(
  text: string,
  allErrors: boolean,
  engine: PatternEngine,
  checked: boolean,
): ValidateFunction {
  // Ajv prints engine-specific code only for standalone modules, which are not used here.
  const regExp = Object.assign((pattern: string, flags: string) => engine(pattern, flags), {
    code: 'linearPattern',
  });
  const ajv = new Ajv2020({
    allErrors,
    strict: false,
    validateFormats: true,
    logger: false,
    // Stored schemas were checked when they were declared; the meta-schema takes 20 ms to compile.
    ...(checked ? { meta: false, validateSchema: false } : {}),
    code: { regExp, optimize: text.length <= maxOptimizedLength },
  });
  formats.default(ajv);
  const url = formats.default.get('url') as RegExp;
  ajv.addFormat('url', (text: string) => text.length <= maxUrlLength && url.test(text));
  const validate = ajv.compile(JSON.parse(text) as Record<string, unknown>);
  // Its verdict would be a promise, which always counts as valid.
  if ('$async' in validate) throw new Error('$async is not supported');
  return validate;
}

/** Returns why a schema cannot be declared, or null. */
export function schemaFault(text: string): string | null {
  try {
    compile(text, false, linearPattern, false);
    return null;
  } catch (error) {
    return (error as Error).message.slice(0, 500);
  }
}

function faultFrom({ instancePath, message, params }: ErrorObject): SchemaFault {
  const name =
    'additionalProperty' in params ? ` (${String(params['additionalProperty']).slice(0, 64)})` : '';
  return {
    path: instancePath.slice(0, maxPathLength).toWellFormed(),
    message: `${(message ?? 'is not valid').slice(0, maxPathLength)}${name}`.toWellFormed(),
  };
}

/**
 * Validates texts against one schema. Takes as long as the schema and the text need: only a thread that can be
 * terminated runs it.
 */
export function compiledSchema(text: string): { verdict(data: string): Verdict } {
  const fast = compile(text, false, boundedPattern, true);
  let thorough: ValidateFunction | null = null;
  return {
    verdict: (data) => {
      const value: unknown = JSON.parse(data);
      if (fast(value)) return null;
      let { errors } = fast;
      if (data.length <= maxThoroughLength) {
        thorough ??= compile(text, true, boundedPattern, true);
        if (!thorough(value)) errors = thorough.errors;
      }
      const faults = (errors ?? []).slice(0, maxFaults).map(faultFrom);
      return faults.length > 0 ? faults : [{ path: '', message: 'is not valid' }];
    },
  };
}
