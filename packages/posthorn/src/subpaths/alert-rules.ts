export { backtest, type RuleOutcome } from '../reliability/backtest.ts';
export { MinuteHistory } from '../reliability/counts.ts';
export { defaultObjective, defaultRules, type Objective } from '../reliability/rules.ts';
