import { serve } from '../sandbox/serve.ts';
import { compiledSchema, schemaFault } from './compiled-schema.ts';
import type { Verdict } from './verdict.ts';

serve<Verdict>({
  inspect: schemaFault,
  compile: (schema) => {
    const compiled = compiledSchema(schema);
    return (text) => compiled.verdict(text);
  },
});
