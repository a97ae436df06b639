import { serve } from '../sandbox/serve.ts';
import { compiledExpression, expressionFault } from './compiled-expression.ts';
import type { Transformed } from './protocol.ts';
import { fixClock } from './runner-clock.ts';

// Expressions of several tenants run here one after the other: none may leave anything for the next. (JSONata's lists
// have a `push` of their own, which a frozen prototype would not allow.)
for (const { prototype } of [Object, Function, String, Number, Boolean, RegExp, Date, Map, Set, Promise])
  Object.freeze(prototype);
fixClock();

serve<Transformed>({ inspect: expressionFault, compile: compiledExpression });
