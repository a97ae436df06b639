export { commandText } from '../cli/command-text.ts';
export {
  CommandError,
  interrupted,
  note,
  print,
  printExact,
  printJson,
  progress,
  table,
} from '../cli/output.ts';
export { demandPackages, type PackageCommands } from '../cli/optional-package.ts';
export { closeToOthers, writePrivately } from '../cli/private-file.ts';
export { runProgram } from '../cli/program.ts';
export { openToRead } from '../cli/read-store.ts';
export { stoppable } from '../cli/stoppable.ts';
export { demandWritable } from '../cli/writable.ts';
export { version } from '../version.ts';
