// The present addresses of relays, from their signed records (`/.well-known/petrel.json`). Records are fetched, verified by the
// node's code, and fetched again before they expire, after the device slept, and when no relay is connected. They also have the
// relays' time.

import { boundedBody } from '../shared/bounded-body.js';
import { isPlainError, text, type PlainError } from '../shared/errors.js';
import { read, type FollowerEvent } from '../shared/events.js';
import { agreement, MAX_CORRECTION, median, MIN_CORRECTION, type Agreement, type ClockReading } from './relay-clock.js';

/** How many URLs there may be for each chain, and how many bytes a response may have. */
export const MAX_URLS = 8;
const MAX_BYTES = 64 << 10;
/** How many relays are saved. */
const MAX_RELAYS = 16;
/** Milliseconds for a response, and before a retry: the first, doubled after each failure up to the second. */
const TIMEOUT = 5_000;
const RETRY = [2_000, 60_000] as const;
/** When no relay was connected for this long the records are fetched again, and at most this often. Milliseconds. */
const DISCONNECTED = 3_000;
const MIN_REFRESH = 10_000;
/** The interval of the timer, and a delay of it that means that the device slept. Milliseconds. */
const TICK = 2_000;
const SLEPT = 60_000;
/** A clock that differs this much from the monotonic time between two ticks was set, or the device slept. Milliseconds. */
const CLOCK_JUMP = 1_000;
/** A record is fetched again at half its lifetime, and after six hours at the latest. */
const MAX_REFRESH = 6 * 3600_000;
/** The clock of a relay whose answer took longer is not known well enough. Milliseconds. */
const MAX_ROUND_TRIP = 4_000;
/** A record of another chain is requested again after this many milliseconds: relays seldom change their chain. */
const OTHER_CHAIN = 10 * 60_000;
/** The agreement of the clocks is repeated after this many milliseconds, unless the clock was set: the node uses it for half an hour. */
const REPEAT_AGREEMENT = 10 * 60_000;

/** A verified record, as `readRecord` returns it. */
export interface RelayRecord {
  readonly peer: string;
  readonly addresses: readonly string[];
  readonly timeMs: number;
  readonly expiresMs: number;
  readonly others: readonly string[];
}

/** What `RelayRecords` needs from outside. */
export interface RelayRecordsHost {
  fetch(url: string, options: RequestInit): Promise<Response>;
  /** This device's clock: milliseconds since the epoch. */
  now(): number;
  /** Monotonic milliseconds. */
  mono(): number;
  /** Verifies a document that was read from `host`: a `RelayRecord` in snake_case, its addresses as they are reached from there. Throws a `PlainError`. */
  verify(document: string, host: string, now: number): string;
  /** Whether it is the record of a relay of one of the other chains that the URLs are given for. */
  isOfOther(document: string, host: string, now: number): boolean;
  /** The URL of this origin has such a record. */
  ofOther(origin: string): void;
  /** Adds relays to the node: `relays` from a relay's own record, and `others` that it advertises. */
  add(relays: readonly string[], others: readonly string[]): void;
  emit(event: FollowerEvent): void;
  /** Adds so many milliseconds to this device's clock from now on. */
  correct(millis: number): void;
  /** Most relays, and at least two, agree with this device's clock. */
  clockAgrees(): void;
  /** Each URL has given a record, or failed, once. */
  settled(): void;
  /** Saves relays for a later run: the addresses of each one in the order in which they are tried. */
  saveRelays(relays: readonly string[]): void;
}

/** A URL of a record. Times are of `mono`. */
interface Source {
  readonly url: URL;
  failures: number;
  requested: number;
  due: number;
  /** Whether it has given a record, or failed. */
  answered: boolean;
  /** Whether its record is of another one of the chains. */
  isOther: boolean;
  clock?: ClockReading;
}

/** Whether an entry of `relays` is a URL and not a multiaddr. */
export function isUrl(relay: string): boolean {
  return /^https?:/i.test(relay);
}

/** Fetches the records of these URLs as long as it runs. */
export class RelayRecords {
  readonly #host: RelayRecordsHost;
  readonly #sources: Source[];
  readonly #connected = new Set<string>();
  /** Addresses by peer, in the order in which they are tried; the peer that was seen last is at the end. */
  readonly #known = new Map<string, readonly string[]>();
  /** The address at which a peer was connected last, of the latest peers. */
  readonly #connectedAt = new Map<string, string>();
  #timer: ReturnType<typeof setInterval> | undefined;
  /** The last tick, in both clocks. */
  #ticked: { readonly mono: number; readonly now: number };
  #disconnectedSince: number;
  /** When the agreement of the relays with this device's clock was last reported, by `mono`. */
  #agreedAt: number | undefined;
  /** Milliseconds that are added to this device's clock. */
  #corrected = 0;
  /** The last `relay_clock` event. */
  #emitted = { offsetMs: 0, correctedMs: 0 };
  #isSettled = false;

  /**
   * `chains`: the URLs are given for so many chains.
   *
   * @throws {PlainError} One is no URL, or there are too many.
   */
  constructor(urls: readonly string[], host: RelayRecordsHost, chains = 1) {
    this.#host = host;
    const source = { failures: 0, requested: -Infinity, due: -Infinity, answered: false, isOther: false };
    this.#sources = urls.map((url) => ({ url: recordOf(url), ...source }));
    const most = MAX_URLS * chains;
    if (urls.length > most) throw bad(`there are ${urls.length} URLs of relays, at most ${most} are allowed`);
    this.#ticked = { mono: host.mono(), now: host.now() };
    this.#disconnectedSince = this.#ticked.mono;
  }

  begin(): void {
    if (this.#sources.length === 0) return;
    this.#timer = setInterval(() => this.#tick(), TICK);
    this.#tick();
  }

  end(): void {
    clearInterval(this.#timer);
  }

  /** By how many milliseconds the relays' clocks are ahead of this device's: their median; `null` when none is known. */
  get offset(): number | null {
    const offsets = this.#clocks().map(({ offset }) => offset).sort((a, b) => a - b);
    return median(offsets) ?? null;
  }

  track(event: FollowerEvent): void {
    if (event.event === 'connected') {
      this.#connected.add(event.peer);
      const address = event.address.includes('/p2p/') ? event.address : `${event.address}/p2p/${event.peer}`;
      setLast(this.#connectedAt, event.peer, address);
      const known = this.#known.get(event.peer) ?? [];
      if (known[0] !== address) this.#save(event.peer, known.includes(address) ? known : [address]);
    } else if (event.event === 'disconnected') {
      this.#connected.delete(event.peer);
      if (this.#connected.size === 0) this.#disconnectedSince = this.#host.mono();
    }
  }

  #tick(): void {
    const last = this.#ticked;
    const { mono } = (this.#ticked = { mono: this.#host.mono(), now: this.#host.now() });
    const jumped = Math.abs(this.#ticked.now - last.now - (mono - last.mono)) > CLOCK_JUMP;
    const stale = jumped || mono - last.mono > SLEPT;
    if (stale) this.#forgetClocks();
    if (this.#agreedAt !== undefined && mono - this.#agreedAt > REPEAT_AGREEMENT) this.#reportAgreement();
    const lost = this.#connected.size === 0 && mono - this.#disconnectedSince > DISCONNECTED;
    for (const source of this.#sources) {
      const early = stale || (lost && mono - source.requested > MIN_REFRESH && source.failures === 0 && !source.isOther);
      if (source.due <= mono || early) void this.#request(source);
    }
  }

  /** Offsets that were measured before the clock was set, or the device slept, are wrong, and so is a correction by them. */
  #forgetClocks(): void {
    for (const source of this.#sources) delete source.clock;
    this.#compareClocks();
  }

  async #request(source: Source): Promise<void> {
    const start = { mono: this.#host.mono(), now: this.#host.now() };
    source.requested = start.mono;
    // The timer sends no second request meanwhile.
    source.due = source.requested + 2 * TIMEOUT;
    try {
      const document = await this.#document(source.url);
      const [roundTrip, now] = [this.#host.mono() - start.mono, this.#host.now()];
      const record = this.#verified(document, source.url.hostname, now);
      // A device that slept meanwhile, or whose clock was set, would measure that.
      const isMeasured = roundTrip <= MAX_ROUND_TRIP && Math.abs(now - start.now - roundTrip) <= CLOCK_JUMP;
      if (record) this.#use(source, record, isMeasured ? Math.round(record.timeMs - (now - roundTrip / 2)) : null);
      else this.#skip(source);
    } catch (thrown) {
      this.#failed(source, thrown);
    }
    source.answered = true;
    if (this.#isSettled || !this.#sources.every(({ answered }) => answered)) return;
    this.#isSettled = true;
    this.#host.settled();
  }

  /** The record; `null` when it is of another one of the chains. */
  #verified(document: string, host: string, now: number): RelayRecord | null {
    try {
      return read<RelayRecord>(this.#host.verify(document, host, now));
    } catch (thrown) {
      const isForeign = isPlainError(thrown) && thrown.code === 'foreign_record';
      if (isForeign && this.#host.isOfOther(document, host, now)) return null;
      throw thrown;
    }
  }

  async #document(url: URL): Promise<string> {
    const signal = AbortSignal.timeout(TIMEOUT);
    const options: RequestInit = { cache: 'no-store', credentials: 'omit', redirect: 'error', referrerPolicy: 'no-referrer', signal };
    const response = await this.#host.fetch(url.href, options);
    if (!response.ok) throw noRecord(`the relay responds with status ${response.status}`);
    const body = await boundedBody(response, MAX_BYTES);
    if (body !== null) return body;
    throw { code: 'bad_record', message: `the record has more than ${MAX_BYTES} bytes`, remedy: NO_RELAY } satisfies PlainError;
  }

  /** `offset` is by how many milliseconds the relay's clock is ahead of this device's; `null` when it could not be measured. */
  #use(source: Source, record: RelayRecord, offset: number | null): void {
    const relays = record.addresses;
    const refresh = offset === null ? MIN_REFRESH : Math.min(Math.max((record.expiresMs - record.timeMs) / 2, MIN_REFRESH), MAX_REFRESH);
    [source.failures, source.isOther] = [0, false];
    source.due = this.#host.mono() + refresh;
    if (offset === null) delete source.clock;
    else source.clock = { peer: record.peer, offset };
    this.#host.emit({ event: 'relay_found', url: source.url.origin, peer: record.peer, addresses: relays, clockMs: offset });
    this.#host.add(relays, record.others);
    if (relays.length > 0) this.#save(record.peer, relays);
    this.#compareClocks();
  }

  /** Its relay is of another one of the chains: it is no failure, and says nothing of this one's clock. */
  #skip(source: Source): void {
    [source.failures, source.isOther] = [0, true];
    source.due = this.#host.mono() + OTHER_CHAIN;
    delete source.clock;
    this.#host.ofOther(source.url.origin);
    this.#compareClocks();
  }

  #failed(source: Source, thrown: unknown): void {
    const retryMs = Math.min(RETRY[0] * 2 ** source.failures, RETRY[1]);
    source.failures += 1;
    source.due = this.#host.mono() + retryMs;
    const { code, message, remedy } = isPlainError(thrown) ? thrown : noRecord(text(thrown));
    this.#host.emit({ event: 'record_failed', url: source.url.origin, code, message, remedy, retryMs });
    // The others may be a majority without it.
    if (source.clock === undefined) this.#compareClocks();
  }

  /** The address at which the peer was connected last comes first, or those of its transport: the next run tries that first. */
  #save(peer: string, relays: readonly string[]): void {
    const last = this.#connectedAt.get(peer);
    const place = (address: string): number => (address === last ? 0 : last !== undefined && isWebTransport(address) === isWebTransport(last) ? 1 : 2);
    setLast(this.#known, peer, [...relays].sort((one, other) => place(one) - place(other)));
    this.#host.saveRelays([...this.#known.values()].reverse().flat().slice(0, 2 * MAX_RELAYS));
  }

  /** One clock of each peer. */
  #clocks(): ClockReading[] {
    const clocks = this.#sources.flatMap(({ clock }) => clock ?? []);
    return [...new Map(clocks.map((clock) => [clock.peer, clock])).values()];
  }

  /** Corrects this device's clock where most relays agree that it is wrong, and undoes a correction where they no longer do. */
  #compareClocks(): void {
    // One that fails will not answer soon.
    const pending = this.#sources.filter(({ clock, failures, isOther }) => clock === undefined && failures === 0 && !isOther).length;
    const found = agreement(this.#clocks(), pending);
    const size = Math.abs(found?.offset ?? 0);
    const correctedMs = found && size >= MIN_CORRECTION && size <= MAX_CORRECTION ? found.offset : 0;
    this.#agreedAt = undefined;
    if (found || this.#corrected !== 0) this.#host.correct(correctedMs);
    this.#corrected = correctedMs;
    if (found && size < MIN_CORRECTION) this.#reportAgreement();
    this.#emitClock(found, correctedMs);
  }

  /** Emits what the relays say about this device's clock, when it has changed by more than measuring it does. */
  #emitClock(found: Agreement | null, correctedMs: number): void {
    const before = this.#emitted;
    // While relays answer again after a jump, nothing is known that an event could say.
    if (!found && correctedMs === before.correctedMs) return;
    const offsetMs = found?.offset ?? 0;
    const isSame = Math.abs(offsetMs - before.offsetMs) < MIN_CORRECTION && (correctedMs === 0) === (before.correctedMs === 0);
    if (isSame) return;
    this.#emitted = { offsetMs, correctedMs };
    this.#host.emit({ event: 'relay_clock', offsetMs, correctedMs, relays: found?.relays ?? 0, of: found?.of ?? this.#sources.filter(({ isOther }) => !isOther).length });
  }

  #reportAgreement(): void {
    this.#agreedAt = this.#host.mono();
    this.#host.clockAgrees();
  }
}

function recordOf(url: string): URL {
  try {
    return new URL('/.well-known/petrel.json', url);
  } catch {
    throw bad(`${JSON.stringify(url)} is no URL`);
  }
}

function isWebTransport(address: string): boolean {
  return address.includes('/webtransport');
}

/** Sets the entry of a peer as the last one; there are entries of the last `MAX_RELAYS` peers. */
function setLast<T>(peers: Map<string, T>, peer: string, value: T): void {
  peers.delete(peer);
  peers.set(peer, value);
  while (peers.size > MAX_RELAYS) peers.delete(peers.keys().next().value as string);
}

const NO_RELAY = "give the address of a Petrel daemon's page";

function bad(message: string): PlainError {
  return { code: 'bad_relay', message, remedy: 'give relays as multiaddrs, or as the https:// addresses of Petrel daemons' };
}

function noRecord(message: string): PlainError {
  return { code: 'no_record', message, remedy: `${NO_RELAY} (--http.addr), reachable from this device` };
}
