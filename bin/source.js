// In a checkout, the packages run from source: their imports of each other take the export condition `@posthorn/source`.
// A thread or a child process that imports one package from another needs `--conditions=@posthorn/source` of its own.
// See docs/internals/packages.md.
import { registerHooks } from 'node:module';

const conditions = (given) => (given.includes('@posthorn/source') ? given : ['@posthorn/source', ...given]);

registerHooks({
  resolve: (specifier, context, next) => next(specifier, { ...context, conditions: conditions(context.conditions) }),
});
