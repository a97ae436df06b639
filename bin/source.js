// Makes the packages of this checkout import each other's source. A thread or a child process that imports one package from
// another loads this too: `--import` it.
import { registerHooks } from 'node:module';
import { sourceOf } from './source-of.ts';

registerHooks({ resolve: (specifier, context, next) => next(sourceOf(specifier) ?? specifier, context) });
