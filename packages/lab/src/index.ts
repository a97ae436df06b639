export { fit } from './calibrate.ts';
export { parseScenario, type Scenario, ScenarioError } from './scenario.ts';
export { builtInScenarios } from './scenarios.ts';
