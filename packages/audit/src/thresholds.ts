import { hourMs } from 'posthorn/domain';

// The limits by which the audit decides, in one place, each with its reason. Except where one says otherwise, it was set on the generated
// logs of known truth that the audit is developed with (`npm run audit:accuracy`): first so that no healthy or incomplete log has a
// finding, then as wide as the injected defects need to be found. Fresh seeds show whether that holds elsewhere. Caps on what is shown or
// sampled are not limits in this sense, and stand where they are used.

/** Whether a log is read as it was written. */
const reading = {
  /** The score from which a named format is taken: below it, fields of the format are missing, and they are recognized by their names instead. */
  recognizedFrom: 0.75,
  /** The share of the lines that must have a layer for it to be peeled: other programs write a few lines into the same stream. */
  layerShare: 0.8,
  /** Text before JSON is a layer from this share of the lines on: stack traces of one error take many lines without a prefix. */
  prefixShare: 0.6,
  /** From this share of the lines on, those that are JSON or fit the pattern are the records, and the others are other output of the program. */
  recordShare: 0.3,
  /** A share of failures with a further line under the same id that is beyond doubt. */
  minJoinedShare: 0.3,
  /** A single pair of lines with the same id can be a duplicate. */
  minJoined: 2,
  /** Names are weighed only among ids of which at least this share is distinct: with fewer, they name types or receivers. */
  minDistinctShare: 0.05,
  /** This share of attempts may last longer than the time to the next one: retries that overlap are a defect, a wrong unit makes nearly all longer. */
  maxOverlapping: 0.2,
  /** A median duration beyond this is not in ms: no request usually takes half a minute. */
  longestUsualMs: 30_000,
  /** A median number beyond this would be 6 s in µs, so it is ns: half of all requests do not take so long. */
  usualNs: 6_000_000,
} as const;

/** What the sender does when nothing is wrong, as its log shows. */
const timeline = {
  /** Bins on each side of a silence. The rate of the quieter side counts, because traffic varies within a day. */
  gapAround: 12,
  /** The probability that a log without a gap shows one somewhere. */
  gapDoubt: 0.001,
  /** Fewer lines expected in a silence are too few to miss them. */
  gapLines: 20,
  /** The longest wait that is assumed without having been seen. */
  longestGuessMs: hourMs,
  /** How long a sender waits for a retry if its log shows none. */
  defaultHorizonMs: hourMs,
  /** Beyond this, a delivery is late, if nothing else is asked for. */
  defaultLateAfterMs: 300_000,
  /** No client waits longer for an answer: the known senders time out after a minute at most. */
  longestRequestMs: 120_000,
  /** A wait this many times as long as usual does not belong to the schedule, whatever its jitter. */
  oddWait: 10,
  /** Queues can be late by minutes without a fault. */
  minFirstWaitMs: 300_000,
  /** Nearly every sender has a limit, so this probability that deliveries end there for another reason is accepted. */
  limitDoubt: 0.1,
  /** The fewest failures after the first for these to decide about the limit. */
  minLater: 5,
  /** An event that was not tried more often than this has perhaps been given up, if the log never says whether there will be another attempt: fewer attempts are not a schedule. */
  minDoubtful: 4,
  /** A retry counts as missing when it is later than the retries in this log usually are, plus this much: the resolution of most logs. */
  minGraceMs: 1000,
  /** Waits after attempts that none ever followed in this log: so many more numbers, … */
  numbersBeyond: 3,
  /** … growing as they did before, or by this factor if the log does not show it, … */
  usualGrowth: 4,
  /** … and never by more than this. */
  maxGrowth: 10,
} as const;

/** What lists from outside the log can say. */
const truth = {
  /** A join that matches less than this share of the rows is not about the same events. */
  minJoined: 0.01,
  /** The share of the values of a column that has to be in the log for the column to be part of the join: it may name receivers that the log does not have. */
  minMatching: 0.5,
  /** Within this many usual pauses before its first line, a log would contain another line with a probability of 95% (e^-3). */
  linesBefore: 3,
} as const;

/** Whether the log can show what became of events at all. */
const quality = {
  /** Beyond this share of unusable lines, an event's further line is as likely among them as its loss: drops are rarer than this in every log that we know. */
  unusableShare: 0.05,
  /** Fewer missing numbers can be an accident of one event. */
  minHoles: 3,
  /** A log in which this share of the attempts is missing is not complete, whatever else it shows. Healthy generated logs have none. */
  holeRate: 0.005,
  /** A sender that loses more than this share of its events, and so many, is noticed: rather, successes are not in the log. */
  mostlyLost: 1 / 3,
  minMostlyLost: 20,
  /** Missing lines count as the explanation of drops if they would explain this share of them. */
  explainedByHoles: 0.1,
  /** Successes are sampled if the share of failed events without one is at least this part of the share of missing ids. Logs of every third event, each whole, stay below. */
  sampledAlike: 0.8,
  /** If so many of the events failed, successes are missing, or something is down: a third of the events, each whole, has the failures of all. */
  oddlyFailing: 0.15,
  /** A silence of a worker counts if so many of its lines are expected in it: fewer are too few to compare what the others wrote. */
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
  /** Fewer ids do not show a counter. */
  minCounted: 50,
  /** The share of steps that go up by exactly one: below it, a number is not a counter of these events. */
  minSteps: 0.5,
  /** The share of steps that go up at all: lines of several workers swap neighbors. */
  minOrdered: 0.95,
  /** Larger steps are those of a clock, or of numbers that many things share. */
  maxStep: 25,
  /** Numbers from here on are seconds or milliseconds since the epoch. */
  clockFrom: 1e9,
  /** A row of a table of states waits too long if nothing has happened for this long, or for as long as the sender is known to retry. */
  overdueMs: hourMs,
  /** The fewest rows with a number above the first in a table of states, … */
  minLaterRows: 2,
  /** … and their share among the rows that are not delivered at once: in a log of attempts without retries there are none. */
  minLaterShare: 0.2,
} as const;

/** Which causes stand out among what was lost. */
const causes = {
  /** Smaller effects are not named: a kind of failure that is lost up to twice as often as others can be one that is retried less. */
  minRatio: 2,
  /** Fewer events with a sign can be chance, … */
  minEvents: 5,
  /** … unless nearly all that were lost show it, with a p-value that the kinds of failure of a few events seldom have. */
  minFew: 3,
  fewSignificance: 0.005,
  /** An illegal transition is proof by itself; it only has to occur more than once, to rule out an accident of the log. */
  minProofs: 2,
  significance: 0.05,
  /** Given-up events are recorded already, so a cause must stand out by more to be named for them too. */
  givenUpSignificance: 0.001,
  /** If two rules explain nearly as much, the first one explains the other. */
  nearlyAsMuch: 0.8,
  /** Fewer unexplained drops than this, without a broken promise of a retry, name no cause. */
  minUnexplained: 5,
  /** The size and the type of events are searched for the worst place, so chance must be rarer: at most one in 500 logs shows such a step, … */
  stepSignificance: 0.002,
  /** … and one in 1,000 such a type. */
  typeSignificance: 0.001,
} as const;

/** A step in the rate of drops. */
const onset = {
  bins: 200,
  /** The rate at least doubles. */
  minRatio: 2,
  /** Fewer drops do not have a rate, and at most one in 500 logs with losses at random times shows such a step. */
  retried: { minDrops: 8, significance: 0.002, comparesFailed: true },
  /** Events that were accepted and never attempted did not fail: a release that forgets them is likelier beforehand than a retry that is not scheduled, so less is enough. */
  neverTried: { minDrops: 5, significance: 0.05, comparesFailed: false },
  /** A step has at least this share of the events on each side: a burst at an end of the log is not a step. */
  minSide: 0.03,
  /** With this many events that failed and were not lost, the test can tell whether only more of them fail. */
  minTroubled: 20,
} as const;

/** An endpoint that is down. */
const outages = {
  /** The share of first attempts that fail at an endpoint that is down: proxies answer some. */
  failingDown: 0.9,
  /** Every endpoint fails sometimes; … */
  minUsual: 0.005,
  /** … one that fails more than this is not compared with itself. */
  maxUsual: 0.2,
  /** The probability that a log without an outage shows one somewhere. */
  doubt: 0.001,
} as const;

/** Restarts and deploys. */
const restarts = {
  /** Times of deploys come from other clocks than the log's. */
  slackMs: 2000,
  /** After this time a started request without an end, or an accepted event without a request, is lost: the known senders time out after a minute at most. */
  vanishedMs: 60_000,
  /** Events accepted within this time before a restart were still in memory, … */
  beforeMs: 120_000,
  /** … or this long after it, by another clock. */
  afterMs: 5000,
  significance: 0.001,
  /** Strict, because the best moment of many was chosen without other evidence. */
  stepSignificance: 0.01,
  /** The fewest lost events that were waiting at an inferred restart, … */
  minWaiting: 3,
  /** … and their share among all that were waiting: what was in memory was lost, what was in a database was not. */
  minWaitingShare: 0.8,
} as const;

/** The limits by which the audit decides. */
export const thresholds = { reading, timeline, truth, quality, causes, onset, outages, restarts };
