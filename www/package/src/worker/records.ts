// Where relays are now, by their signed records (`/.well-known/petrel.json`): fetched, verified by the node's code, fetched
// again before they end, after a sleep, and when no relay is connected. Also what time the relays think it is.

import { isPlainError, text, type PlainError } from '../shared/errors.js';
import { read, type FollowerEvent } from '../shared/events.js';

/** URLs that are asked at most, and bytes of an answer. */
export const URLS = 8;
const MAX = 64 << 10;
/** Relays that are remembered. */
const RELAYS = 16;
/** Milliseconds: an answer may take so long; a failure is tried again after the first, doubled up to the second. */
const PATIENCE = 5_000;
const AGAIN = [2_000, 60_000] as const;
/** With no relay connected for so long the records are fetched anew, at most so often. */
const LOST = 3_000;
const SELDOM = 10_000;
/** How often is looked; a look that comes so late was slept over. */
const LOOK = 2_000;
const SLEPT = 60_000;
/** A device's clock that goes so much faster or slower than time between two looks was set, or the device slept. */
const JUMPED = 1_000;
/** A record is fetched anew at half its life, and after six hours at the latest. */
const LONGEST = 6 * 3600_000;
/** Two relays agree when their clocks differ by no more; a smaller offset is not corrected. */
const AGREE = 2_000;
const MATTERS = 1_000;
/** That the clock agrees is said again after so many milliseconds, as long as it was not set: the node believes it for half an hour. */
const STILL = 10 * 60_000;

/** A verified record, as `readRecord` gives it. */
export interface RelayRecord {
  readonly peer: string;
  readonly addresses: readonly string[];
  readonly timeMs: number;
  readonly expiresMs: number;
  readonly others: readonly string[];
}

/** What surrounds it. */
export interface Surroundings {
  fetch(url: string, options: RequestInit): Promise<Response>;
  /** This device's clock: milliseconds since the epoch. */
  now(): number;
  /** Milliseconds that only rise, at a steady pace while the device is awake. */
  mono(): number;
  /** Verifies a document that was read from `host`: a `RelayRecord` in snake_case, its addresses as they are reached from there. Throws a `PlainError`. */
  verify(document: string, host: string, now: number): string;
  /** Takes relays for the node: where one is, by its own word, and others, by hearsay. */
  add(relays: readonly string[], others: readonly string[]): void;
  tell(event: FollowerEvent): void;
  /** Adds so many milliseconds to this device's clock. */
  correct(millis: number): void;
  /** At least two relays agree with this device's clock, or still do. */
  agrees(): void;
  /** Keeps relays for a later run. */
  remember(relays: readonly string[]): void;
}

/** Times are by `mono`. */
interface Source {
  readonly url: URL;
  failures: number;
  asked: number;
  due: number;
  /** By which peer, and by how many milliseconds its clock is ahead of ours. */
  clock?: { readonly peer: string; readonly offset: number };
}

/** Whether an entry of `relays` is such a URL and not a multiaddr. */
export function isUrl(relay: string): boolean {
  return /^https?:/i.test(relay);
}

/** Follows the records of these URLs. */
export class Records {
  readonly #around: Surroundings;
  readonly #sources: Source[];
  readonly #connected = new Set<string>();
  /** By peer, the one that was seen last at the end. */
  readonly #known = new Map<string, readonly string[]>();
  #timer: ReturnType<typeof setInterval> | undefined;
  /** When was looked last, by either clock. */
  #looked: { readonly mono: number; readonly now: number };
  #aloneSince: number;
  /** When the relays' agreement with this device's clock was said last, by `mono`. */
  #agreedAt: number | undefined;

  /** @throws {PlainError} when one is no URL, or there are too many. */
  constructor(urls: readonly string[], around: Surroundings) {
    this.#around = around;
    this.#sources = urls.map((url) => ({ url: recordOf(url), failures: 0, asked: -Infinity, due: -Infinity }));
    if (urls.length > URLS) throw bad(`there are ${urls.length} URLs of relays, at most ${URLS} are asked`);
    this.#looked = { mono: around.mono(), now: around.now() };
    this.#aloneSince = this.#looked.mono;
  }

  begin(): void {
    if (this.#sources.length === 0) return;
    this.#timer = setInterval(() => this.#look(), LOOK);
    this.#look();
  }

  end(): void {
    clearInterval(this.#timer);
  }

  /** By how many milliseconds the relays' clocks are ahead of this device's: their median; `null` when none is known. */
  get offset(): number | null {
    const offsets = this.#clocks().map(({ offset }) => offset).sort((a, b) => a - b);
    return offsets[Math.floor(offsets.length / 2)] ?? null;
  }

  see(event: FollowerEvent): void {
    if (event.event === 'connected') {
      this.#connected.add(event.peer);
      const address = event.address.includes('/p2p/') ? event.address : `${event.address}/p2p/${event.peer}`;
      if (!this.#known.get(event.peer)?.includes(address)) this.#remember(event.peer, [address]);
    } else if (event.event === 'disconnected') {
      this.#connected.delete(event.peer);
      if (this.#connected.size === 0) this.#aloneSince = this.#around.mono();
    }
  }

  #look(): void {
    const last = this.#looked;
    const { mono } = (this.#looked = { mono: this.#around.mono(), now: this.#around.now() });
    const jumped = Math.abs(this.#looked.now - last.now - (mono - last.mono)) > JUMPED;
    const anew = jumped || mono - last.mono > SLEPT;
    if (anew) this.#forgetClocks();
    if (this.#agreedAt !== undefined && mono - this.#agreedAt > STILL) this.#agreed();
    const lost = this.#connected.size === 0 && mono - this.#aloneSince > LOST;
    for (const source of this.#sources) {
      const early = anew || (lost && mono - source.asked > SELDOM && source.failures === 0);
      if (source.due <= mono || early) void this.#ask(source);
    }
  }

  /** What was measured by a clock that was set since says nothing of it. */
  #forgetClocks(): void {
    this.#agreedAt = undefined;
    for (const source of this.#sources) delete source.clock;
  }

  async #ask(source: Source): Promise<void> {
    source.asked = this.#around.mono();
    // Nobody else asks meanwhile.
    source.due = source.asked + 2 * PATIENCE;
    try {
      const document = await this.#document(source.url);
      const waited = this.#around.mono() - source.asked;
      const now = this.#around.now();
      const record = read<RelayRecord>(this.#around.verify(document, source.url.hostname, now));
      this.#take(source, record, now - waited / 2);
    } catch (thrown) {
      this.#failed(source, thrown);
    }
  }

  async #document(url: URL): Promise<string> {
    const signal = AbortSignal.timeout(PATIENCE);
    const options: RequestInit = { cache: 'no-store', credentials: 'omit', redirect: 'error', referrerPolicy: 'no-referrer', signal };
    const response = await this.#around.fetch(url.href, options);
    if (!response.ok) throw unread(`the relay answers ${response.status}`);
    return bounded(response);
  }

  /** `asked` is when, by this device's clock. */
  #take(source: Source, record: RelayRecord, asked: number): void {
    const relays = record.addresses;
    source.failures = 0;
    source.due = this.#around.mono() + Math.min(Math.max((record.expiresMs - record.timeMs) / 2, SELDOM), LONGEST);
    source.clock = { peer: record.peer, offset: Math.round(record.timeMs - asked) };
    this.#around.tell({ event: 'relay_found', url: source.url.origin, peer: record.peer, addresses: relays, clockMs: source.clock.offset });
    this.#around.add(relays, record.others);
    if (relays.length > 0) this.#remember(record.peer, relays);
    this.#agree();
  }

  #failed(source: Source, thrown: unknown): void {
    const retryMs = Math.min(AGAIN[0] * 2 ** source.failures, AGAIN[1]);
    source.failures += 1;
    source.due = this.#around.mono() + retryMs;
    const { code, message, remedy } = isPlainError(thrown) ? thrown : unread(text(thrown));
    this.#around.tell({ event: 'record_failed', url: source.url.origin, code, message, remedy, retryMs });
  }

  #remember(peer: string, relays: readonly string[]): void {
    this.#known.delete(peer);
    this.#known.set(peer, relays);
    while (this.#known.size > RELAYS) this.#known.delete(this.#known.keys().next().value as string);
    this.#around.remember([...this.#known.values()].reverse().flat().slice(0, 2 * RELAYS));
  }

  /** One clock of each peer. */
  #clocks(): { readonly peer: string; readonly offset: number }[] {
    const clocks = this.#sources.flatMap(({ clock }) => clock ?? []);
    return [...new Map(clocks.map((clock) => [clock.peer, clock])).values()];
  }

  /** One relay may lie about the time, to pass old blocks off as new: only two that agree set a clock, and set it back. */
  #agree(): void {
    const clocks = this.#clocks();
    const pair = clocks.find((one) => clocks.some((other) => other !== one && Math.abs(one.offset - other.offset) <= AGREE));
    this.#agreedAt = undefined;
    if (!pair) return;
    const isWrong = Math.abs(pair.offset) >= MATTERS;
    this.#around.correct(isWrong ? pair.offset : 0);
    if (!isWrong) this.#agreed();
  }

  #agreed(): void {
    this.#agreedAt = this.#around.mono();
    this.#around.agrees();
  }
}

function recordOf(url: string): URL {
  try {
    return new URL('/.well-known/petrel.json', url);
  } catch {
    throw bad(`${JSON.stringify(url)} is no URL`);
  }
}

/** The body, as long as it is no longer than a record may be. */
async function bounded(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return '';
  const decoder = new TextDecoder();
  let [body, size] = ['', 0];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return body + decoder.decode();
    size += value.byteLength;
    if (size > MAX) {
      await reader.cancel();
      throw { code: 'bad_record', message: `the record has more than ${MAX} bytes`, remedy: NO_RELAY } satisfies PlainError;
    }
    body += decoder.decode(value, { stream: true });
  }
}

const NO_RELAY = "give the address of a Petrel daemon's page";

function bad(message: string): PlainError {
  return { code: 'bad_relay', message, remedy: 'give relays as multiaddrs, or as the https:// addresses of Petrel daemons' };
}

function unread(message: string): PlainError {
  return { code: 'no_record', message, remedy: `${NO_RELAY} (--http.addr), reachable from here` };
}
