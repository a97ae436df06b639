/** The limits by which the audit decides, each with its reason and how it was set. */
export const thresholds = {
  /** Beyond this share of unusable lines, an event's further line is as likely among them as its loss: drops are rarer than this in every log that we know. */
  unusableShare: 0.05,
  /** Fewer missing numbers can be an accident of one event. */
  minHoles: 3,
  /** A log in which this share of the attempts is missing is not complete, whatever else it shows. Healthy generated logs have none. */
  holeRate: 0.005,
  /** Missing lines count as the explanation of drops if they would explain this share of them. */
  explainedByHoles: 0.1,
  /** Successes are sampled if the share of failed events without one is at least this part of the share of missing ids. Logs of every third event, each whole, stay below. */
  sampledAlike: 0.8,
  /** A silence of a worker is judged if so many of its lines are expected in it: fewer are too few to compare what the others wrote. */
  minSilentLines: 20,
  /** Lines of a worker are missing if the others took over less than this share of them: after a scale-down they take over all. */
  takenOver: 0.5,
  /** With more workers than this, names change with each deployment, and a silence is one of these. */
  maxWorkers: 50,
  /** Fewer failures that nothing follows can be chance. */
  minFailures: 5,
  /** First attempts of one id within this time go to several receivers: no sender retries a first attempt so soon and calls it the first. */
  fanOutMs: 2000,
  /** Above the share of ids that are sent twice by hand. */
  fanOutShare: 0.02,
  /** Above the share of events whose counter is reset by a defect (at most 5% in generated logs, and these repeat numbers). */
  conflictShare: 0.2,
} as const;
