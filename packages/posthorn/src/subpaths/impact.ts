export { compare, type ImpactResult, type TimeToDetect } from '../impact/compare.ts';
export { firstRuleOn } from '../impact/first-rule.ts';
export { detectedByAlert, sideFromStore } from '../impact/from-store.ts';
export { impactPage } from '../impact/page.ts';
export { type Side, type WeekParts, weekPartsOf } from '../impact/side.ts';
export { ledgerBegin, type Window, ledgerWindow, windowsAround } from '../impact/store-window.ts';
export { impactMarkdown, impactRows, notesOf, recoveredLine, unchangedWords } from '../impact/words.ts';
