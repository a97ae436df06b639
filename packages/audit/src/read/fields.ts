import { chooseId, fitUnits } from './joining.ts';
import { looksLikeTime } from './times.ts';
import { isLifecycleField } from './words.ts';
import {
  type Field,
  type FieldSource,
  fields,
  type Path,
  parsePath,
  type SampleRecord,
  type Unit,
  valuesByName,
} from './spec.ts';
import { thresholds } from '../thresholds.ts';

const { longestUsualMs, usualNs } = thresholds.reading;

// The names that logs use for fields, in lower case without separators; the first match wins.
const names: Readonly<Record<Field, readonly string[]>> = {
  event_id: splitNames(
    'eventid webhookeventid evtid webhookid webhookmessageid messageid msgid notificationid eventuuid eventuid deliveryeventid webhookuuid guid deliveryid deliveryuuid jobid uid uuid id eventkey webhookkey messagekey msgkey deliverykey idempotencykey eventref correlationid requestid xrequestid key paymentid orderid pspreference',
  ),
  delivery_id: splitNames('deliveryid deliveryuuid deliveryuid webhookdeliveryid'),
  tenant: splitNames(
    'tenant tenantid accountid merchantid merchant merchantaccount shopdomain orgid organizationid organisationid workspaceid projectid appid',
  ),
  endpoint: splitNames(
    'endpointid endpoint endpointurl webhookurl targeturl destinationurl callbackurl url target destination uri subscriptionid subscription hookid receiver receiverurl subscriber subscriberid subscriberurl receiverid destinationid targetid webhookendpointid consumer callback hook hookurl webhook webhookendpoint host',
  ),
  attempt_no: splitNames(
    'attemptno attemptnumber attemptnum attempt attemptid# deliveryattempt tryno trynumber trynum try attemptcount attemptindex attempts tries retrycount retryno retrynumber retryattempt retries retry numtrials attemptscount numattempts numberofattempts deliveryattempts attemptsmade sendcount sendattempts triescount failurecount failedattempts n',
  ),
  at: splitNames(
    'ts time timestamp @timestamp tsns tsms tsus timens timems timestampns timestampms timestampus timestampns timestampus timestampms epochns epochms epochmillis timemillis timestampmillis unixtime epoch at loggedat logtime datetime date eventtime attemptedat attemptat createdat created occurredat updatedat deliveredat asctime logged invokedat requesttimestamp eventtimestamp startutc startlocal acceptdate isodate realtimetimestamp edgestarttimestamp eventdate triggeredat timeofline timeoflayer',
  ),
  accepted_at: splitNames(
    'acceptedat enqueuedat queuedat receivedat eventcreatedat eventcreated occurredat createdat',
  ),
  started_at: splitNames(
    'startedat started processedon starttime startts startat start attemptstartedat attemptstart attemptstarttime requestedat requeststartedat requestat sentat sendat dispatchedat beganat begin begunat startedtime',
  ),
  ended_at: splitNames(
    'endedat ended endtime endts endat end attemptendedat attemptend finishedat finishtime finish finishedon completedat completed respondedat responseat responsetimeat doneat stoppedat settledat',
  ),
  duration: splitNames(
    'durationms durationmillis durationmilliseconds latencyms elapsedms responsetimems responsedurationms tookms timems durationus latencyus elapsedus durationns latencyns elapsedns durations durationsec durationseconds latencys latencysec latencyseconds elapseds elapsedsec elapsedseconds responsetimes duration latency elapsed responsetime requesttime took rtt timetaken requestduration responseduration roundtrip',
  ),
  phase: splitNames(
    'phase lifecycle logevent eventname action kind stage step event type msg message logtype recordtype',
  ),
  outcome: splitNames(
    'outcome result attemptstatus attemptresult attemptoutcome attemptstate deliveryresult success succeeded issuccess successful ok delivered',
  ),
  state: splitNames(
    'status state deliverystatus deliverystate eventstatus eventstate webhookstatus finalstatus finalstate messagestatus',
  ),
  status_code: splitNames(
    'statuscode httpstatuscode httpstatus httpcode responsecode responsestatus responsestatuscode httpresponsecode httpresponsestatus respcode respstatus edgeresponsestatus downstreamstatus originstatus elbstatuscode targetstatuscode lastresponsestatus lastresponsecode laststatuscode lasthttpstatus lasthttpstatuscode lastresponsestatuscode lasthttpcode laststatus http httpstat code status',
  ),
  error: splitNames(
    'errorcode error internalerrormessage errorclass errortype errorkind errormessage errormsg err errcode failurereason failreason failedreason failure exception errorreason errorname reason errordetail cause lasterror lasterrormessage',
  ),
  next_retry_at: splitNames(
    'nextretryat nextattemptat nextretry nextattempt retryat retryscheduledat retryscheduledfor nextretrytime nextattempttime nextsendtime nextsendat nextdeliveryat nexttryat nexttry scheduledfor nextrunat dueat retrydueat',
  ),
  retry_delay: splitNames(
    'nextretryinms nextretryin retryinms retryin retryins retrydelayms retrydelay retrydelays backoffms backoff backoffs nextdelayms nextdelay delayms',
  ),
  retry_after: splitNames('retryafter retryaftersec retryafterseconds retryafters retryafterms'),
  worker: splitNames(
    'workerid worker pod podname nodeid node instanceid instance hostname consumerid processid pid threadid thread',
  ),
  bytes: splitNames(
    'payloadbytes payloadsize payloadsizebytes bodysize bodybytes requestsize requestbytes requestbodysize requestlength sizebytes size bytes contentlength',
  ),
  payment_id: splitNames(
    'paymentid paymentref paymentreference paymentintentid paymentintent orderid chargeid invoiceid transactionid txnid txid transferid pspreference payment order',
  ),
  amount: splitNames(
    'amountminor amountminorunits amountcents amountincents amountpence valueminor valuecents minorunits totalcents pricecents paymentamountminor paymentamount orderamount orderamounttotal amounttotal amountvalue valueamount transactionamount amount value total price',
  ),
  currency: splitNames(
    'currency currencycode currencyiso ccy cur amountcurrency valuecurrency paymentcurrency',
  ),
  event_type: splitNames(
    'eventtype webhooktype webhooktopic messagetype notificationtype topic messagekind eventcode type event eventname kind',
  ),
  max_attempts: splitNames('maxattempts attemptsmax attemptlimit maxtries retrylimit maxretries'),
};

function splitNames(text: string): readonly string[] {
  return text.split(' ').filter((word) => !word.endsWith('#'));
}

const bare = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9@]/g, '');

/** A name in the sample with its values. */
interface Candidate {
  readonly dotted: string;
  readonly path: Path;
  readonly depth: number;
  readonly texts: readonly string[];
  readonly distinct: number;
}

/** Reads a log by the names of its fields; the possible meanings of a name are checked against its values. */
export function guessFields(sample: readonly SampleRecord[]): Partial<Record<Field, FieldSource>> {
  const candidates = readCandidates(sample);
  const found: Partial<Record<Field, FieldSource>> = {};
  const taken = new Set<string>();
  // Payment ids are searched before event ids, which fall back on them; status codes before states.
  const order: readonly Field[] = [
    'status_code',
    'outcome',
    'phase',
    'state',
    'next_retry_at',
    'retry_delay',
    'retry_after',
    'started_at',
    'ended_at',
    'at',
    ...fields,
  ];
  for (const field of new Set(order)) {
    const best = ranked(field, candidates).find(
      ({ dotted, texts, distinct }) =>
        (!taken.has(dotted) || field === 'delivery_id' || field === 'payment_id') &&
        plausible(field, texts, distinct, sample.length, dotted),
    );
    if (best === undefined) continue;
    if (field !== 'payment_id') taken.add(best.dotted);
    found[field] = toFieldSource(field, best);
  }
  return withLastWord(candidates, fitUnits(sample, chooseId(sample, found)));
}

function withLastWord(
  candidates: readonly Candidate[],
  found: Partial<Record<Field, FieldSource>>,
): Partial<Record<Field, FieldSource>> {
  const slot = (['state', 'phase'] as const).find((field) => found[field] === undefined);
  const flag = lastWordSource(candidates);
  return slot === undefined || flag === null ? found : { ...found, [slot]: flag };
}

/** Flags by which a line says that it is final, or that another attempt will follow. */
const lastWordFlags = splitNames(
  'exhausted isexhausted gaveup givenup isfinal final finalattempt lastattempt dead',
);
const retryFlags = splitNames('willretry retrying shouldretry retryscheduled willberetried');

function lastWordSource(candidates: readonly Candidate[]): FieldSource | null {
  for (const { path, texts } of candidates) {
    const name = lastPart(path);
    const ends = lastWordFlags.includes(name);
    if (!(ends || retryFlags.includes(name)) || !texts.every((text) => /^(true|false)$/i.test(text)))
      continue;
    return {
      paths: [path],
      sql: ends
        ? "case when lower(@@) = 'true' then 'exhausted' end"
        : "case lower(@@) when 'true' then 'retrying' when 'false' then 'exhausted' end",
    };
  }
  return null;
}

/** Returns a field as the user mapped it; the unit is detected, or given as in `took:s` and `sum:major`. */
export function mappedField(field: Field, target: string, sample: readonly SampleRecord[]): FieldSource {
  const [, dotted, suffix] = /^(.*?)(?::(ns|us|ms|s|minor|major))?$/.exec(target)!;
  const texts = sample.flatMap(({ values }) => values.get(dotted!) ?? []);
  const source = toFieldSource(field, {
    dotted: dotted!,
    path: parsePath(dotted!),
    depth: 1,
    texts,
    distinct: 0,
  });
  if (suffix === undefined) return source;
  return suffix === 'minor' || suffix === 'major'
    ? { ...source, money: suffix }
    : { ...source, unit: suffix as Unit };
}

function readCandidates(sample: readonly SampleRecord[]): Candidate[] {
  return [...valuesByName(sample)].map(([dotted, list]) => {
    const path = parsePath(dotted);
    return { dotted, path, depth: dotted.split('.').length, texts: list, distinct: new Set(list).size };
  });
}

/** Splits a name into its parts: an export, or a line of text, has `run.started_at` as one key. */
const pathParts = (path: Path): string[] => path.flatMap((key) => key.split('.'));
const lastPart = (path: Path): string => bare(pathParts(path).at(-1)!);

function ranked(field: Field, candidates: readonly Candidate[]): Candidate[] {
  return candidates
    .flatMap((candidate) => {
      const parts = pathParts(candidate.path);
      // `event.id` is called eventid; `data.event.id` too.
      const called = parts.map((_, index) => bare(parts.slice(index).join('')));
      const places = called.map((name) => names[field].indexOf(name)).filter((place) => place >= 0);
      // "id" of a nested object is the id of that object.
      const nestedId =
        parts.length > 1 && places.length === 1 && bare(parts.at(-1)!) === 'id' && called[0] !== 'id';
      if (places.length === 0 || (nestedId && names[field][places[0]!] === 'id')) return [];
      return [{ candidate, place: Math.min(...places) }];
    })
    .sort((a, b) => a.place - b.place || a.candidate.depth - b.candidate.depth)
    .map(({ candidate }) => candidate);
}

const isNumber = (text: string): boolean => /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text);
const isWhole = (text: string): boolean => /^-?\d+$/.test(text);
/** Levels of a log, which say nothing about a delivery. */
const levels =
  /^(trace|debug|info|information|notice|warn|warning|error|err|fatal|crit|critical|alert|emerg|panic|success|[1-7]0|[0-7])$/i;
const calmLevels = /^(trace|debug|info|information|notice|warn|warning)$/i;
/** Fields of these are about the payload and not about its delivery. */
const payloadNames =
  /^(payload|body|requestbody|requestdata|requestpayload|object|webhookpayload|eventdata|eventpayload|requestheaders|responseheaders|headers)$/;
const ofDelivery: ReadonlySet<Field> = new Set([
  'state',
  'outcome',
  'phase',
  'error',
  'worker',
  'attempt_no',
  'at',
  'started_at',
  'ended_at',
  'duration',
  'next_retry_at',
  'retry_delay',
  'max_attempts',
  'status_code',
]);

/** Whether texts are the levels of a logger. */
function areLevels(texts: readonly string[]): boolean {
  return texts.every((text) => levels.test(text)) && texts.some((text) => calmLevels.test(text));
}

/** Whether a text is prose or a document, which only contains words about a delivery. */
const isProse = (text: string): boolean =>
  /^\s*[{[]/.test(text) || text.length > 60 || text.split(/\s+/).length > 5;

function plausible(
  field: Field,
  texts: readonly string[],
  distinct: number,
  size: number,
  dotted: string,
): boolean {
  const most = (test: (text: string) => boolean): boolean => texts.filter(test).length >= texts.length * 0.8;
  if (ofDelivery.has(field) && dotted.split('.').some((part) => payloadNames.test(bare(part)))) return false;
  switch (field) {
    case 'event_id':
    case 'delivery_id':
      if (most(looksLikeTime) && !most(isWhole)) return false;
      return (
        !most((text) => /^\s*[{[]/.test(text)) &&
        !areLevels(texts) &&
        (size < 20 || distinct >= Math.min(size, texts.length) * 0.02)
      );
    case 'at':
    case 'accepted_at':
    case 'started_at':
    case 'ended_at':
    case 'next_retry_at':
      return most(looksLikeTime);
    case 'status_code':
      return (
        most((text) => /^([1-5]\d\d|0|-1)(\s|$)/.test(text)) && texts.some((text) => /^[1-5]\d\d/.test(text))
      );
    case 'attempt_no':
      return most((text) => /^#?\d{1,4}(\s*(\/|of)\s*\d+)?$/i.test(text));
    case 'duration':
    case 'retry_delay':
      return most((text) => isNumber(text) || /^[\d.]+ ?(ns|us|µs|ms|s|m)$/.test(text));
    case 'retry_after':
    case 'bytes':
    case 'max_attempts':
      return most(isWhole);
    case 'amount':
      return (
        most((text) =>
          /^[+-]?[\d,]+(\.\d+)?$/.test(text.replaceAll(/^\p{Sc}\s*|\s*\p{Sc}$|[\s'_\u00a0]/gu, '')),
        ) || hasDecimalComma(texts)
      );
    case 'currency':
      return most((text) => /^[A-Za-z]{3,5}$/.test(text));
    case 'phase':
      return distinct <= 60 && !areLevels(texts) && !most(isProse) && isLifecycleField(texts, dotted);
    case 'event_type':
      return !isLifecycleField(texts, dotted) && distinct <= Math.max(50, size / 4) && !most(isNumber);
    case 'outcome':
    case 'state':
      return (
        distinct <= 60 &&
        !areLevels(texts) &&
        !texts.some(isProse) &&
        !most((text) => /^[1-5]\d\d$/.test(text))
      );
    case 'endpoint':
      return !most(isNumber) || distinct <= Math.max(20, size / 4);
    case 'error':
    case 'payment_id':
    case 'tenant':
    case 'worker':
      return true;
  }
}

function toFieldSource(field: Field, { path, texts, dotted }: Candidate): FieldSource {
  const paths = [path];
  if (field === 'duration' || field === 'retry_delay' || field === 'retry_after')
    return { paths, unit: detectUnit(lastPart(path), texts, field) };
  if (field === 'amount')
    return hasDecimalComma(texts)
      ? { paths, money: 'major', sql: "replace(replace(@@, '.', ''), ',', '.')" }
      : { paths, money: detectMoneyUnit(bare(dotted), texts) };
  if (field === 'attempt_no' && /^(retry|retries)/.test(lastPart(path)) && texts.includes('0'))
    // The number of retries so far: 0 for the first attempt.
    return { paths, sql: 'cast(try_cast(@@ as integer) + 1 as varchar)' };
  if (field === 'max_attempts' && /retr/.test(lastPart(path)))
    return { paths, sql: 'cast(try_cast(@@ as integer) + 1 as varchar)' };
  return { paths };
}

function detectUnit(name: string, texts: readonly string[], field: Field): Unit {
  if (/(ms|millis|milliseconds)$/.test(name)) return 'ms';
  // "durations" is duration_s, although it ends like nanoseconds.
  if (/(sec|secs|seconds|durations|latencys|elapseds|delays|ins|times|afters|backoffs)$/.test(name))
    return 's';
  if (/(us|micros|microseconds)$/.test(name)) return 'us';
  if (/(ns|nanos|nanoseconds)$/.test(name)) return 'ns';
  if (field === 'retry_after') return 's';
  const values = texts.map(Number).filter((value) => Number.isFinite(value));
  const middle = values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  // No request usually takes half a minute: Go, ECS and Datadog write nanoseconds, others microseconds.
  if (field === 'duration' && middle > longestUsualMs) return middle > usualNs ? 'ns' : 'us';
  // Requests take longer than 20 ms and less than 20 s; decimals below that are seconds.
  return middle < 20 && values.some((value) => !Number.isInteger(value)) ? 's' : 'ms';
}

/** `1.234,56` and `13,20`: everywhere two digits after a comma, and dots only as thousands separators. */
function hasDecimalComma(texts: readonly string[]): boolean {
  return (
    texts.some((text) => /,\d\d$/.test(text)) &&
    texts.every((text) => /^-?(\d{1,3}(\.\d{3})*|\d+)(,\d\d)?$/.test(text))
  );
}

function detectMoneyUnit(name: string, texts: readonly string[]): 'minor' | 'major' {
  if (/(minor|cents|pence|minorunits)/.test(name)) return 'minor';
  return texts.some((text) => text.includes('.')) ? 'major' : 'minor';
}
