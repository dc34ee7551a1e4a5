// The signer of the chain's blocks, read from L1 at the start and again every few minutes. Until the first reading there is none, and no
// block is accepted; a reading that fails later changes nothing. A reading never goes back to an older block of L1.

import { isPlainError, text, type PlainError } from '../shared/errors.js';
import type { FollowerEvent, Hex } from '../shared/events.js';
import type { L1Config } from '../shared/l1.js';
import type { SignerSource } from '../shared/status.js';
import { readBelieved, readProven, type L1Target, type L1Verifier, type Reading } from './l1-reading.js';
import { L1Refusal, L1Rpc, noL1, type L1RpcHost } from './l1-rpc.js';

/**
 * Milliseconds until the next reading: shorter than the daemon's ten minutes, because blocks of a new signer are refused until then, and a tab
 * fetches missed blocks of four minutes at most. The previous signer is accepted for three hours.
 */
export const RELOAD = 4 * 60_000;
/** Milliseconds before a retry: the first, doubled after each failure up to the second. */
const RETRY = [2_000, 60_000] as const;
/** It is read early at most this often, since any peer can send a block of another signer. Milliseconds. */
const MIN_REFRESH = 30_000;
/** The interval of the timer; a delay of it, or a step of this device's clock, after which it is read again. Milliseconds. */
const TICK = 2_000;
const JUMP = 60_000;

/** What `L1Signer` needs from outside. */
export interface L1Host extends L1RpcHost, L1Verifier {
  /** This device's clock: milliseconds since the epoch. */
  now(): number;
  /** Monotonic milliseconds. */
  mono(): number;
  /** Gives the node a signer. `rotation`: the previous one was read too, so it is accepted for a while. */
  read(signer: Hex, rotation: boolean): void;
  emit(event: FollowerEvent): void;
}

/** Why one of those that were asked gave nothing. */
interface Failure extends PlainError {
  readonly source: string;
}

/** Reads the signer as long as it runs. Times are of `mono`. */
export class L1Signer {
  readonly #host: L1Host;
  readonly #config: L1Config;
  readonly #target: L1Target;
  readonly #rpcs: readonly L1Rpc[];
  #timer: ReturnType<typeof setInterval> | undefined;
  #ticked = { mono: 0, now: 0 };
  #last: (Reading & { readonly readAt: number }) | undefined;
  #error: string | null = null;
  #failures = 0;
  #requested = -Infinity;
  #due = -Infinity;
  #isReading = false;
  #isOver = false;

  constructor(config: L1Config, target: L1Target, host: L1Host) {
    this.#host = host;
    this.#config = config;
    this.#target = target;
    this.#rpcs = config.requests.map((url, at) => new L1Rpc(url, at, host));
  }

  begin(): void {
    this.#ticked = { mono: this.#host.mono(), now: this.#host.now() };
    this.#timer = setInterval(() => this.#tick(), TICK);
    this.#tick();
  }

  end(): void {
    this.#isOver = true;
    clearInterval(this.#timer);
  }

  /** What the last reading was, and why there is no newer one. */
  get source(): SignerSource {
    const { block = null, time = null, readAt = null } = this.#last ?? {};
    return { from: 'l1', date: null, block, blockTime: time, readAt, error: this.#error };
  }

  /** A block of another signer, or a network that follows one: there may have been a rotation. */
  track(event: FollowerEvent): void {
    if (event.event === 'signer_mismatch' || (event.event === 'rejected' && event.fault === 'wrong_signer')) this.#early();
  }

  #tick(): void {
    const last = this.#ticked;
    const { mono, now } = (this.#ticked = { mono: this.#host.mono(), now: this.#host.now() });
    const passed = mono - last.mono;
    if (passed > JUMP || Math.abs(now - last.now - passed) > JUMP) this.#early();
    if (!this.#isReading && this.#due <= mono) void this.#read();
  }

  /** A block that is fixed has nothing new to say. */
  #early(): void {
    if (this.#due < Infinity) this.#due = Math.min(this.#due, this.#requested + MIN_REFRESH);
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    this.#requested = this.#host.mono();
    const failures: Failure[] = [];
    const reading = await this.#first(failures);
    this.#isReading = false;
    if (this.#isOver) return;
    const wait = reading ? (this.#config.header === null ? RELOAD : Infinity) : Math.min(RETRY[0] * 2 ** this.#failures, RETRY[1]);
    this.#due = this.#host.mono() + wait;
    this.#failures = reading ? 0 : this.#failures + 1;
    this.#error = reading ? null : failures.map(({ source, message }) => `${source}: ${message}`).join('; ');
    const retryMs = wait === Infinity ? null : wait;
    for (const failure of failures) this.#host.emit({ event: 'l1_failed', ...failure, retryMs });
    if (!reading) return;
    const rotation = this.#last !== undefined;
    this.#last = { ...reading, readAt: this.#host.now() };
    try {
      this.#host.read(reading.signer, rotation);
    } catch {
      // The node has trapped, and says so itself.
    }
  }

  /** The first reading that succeeds; why others have failed is added to `failures`. */
  async #first(failures: Failure[]): Promise<Reading | undefined> {
    let hash = '';
    try {
      if (!this.#config.verifies) hash = this.#config.header ?? (await this.#trusted());
    } catch (thrown) {
      failures.push({ source: 'header', ...plain(thrown) });
      return undefined;
    }
    for (const rpc of this.#rpcs) {
      const [floor, now] = [this.#last?.time ?? 0, this.#host.now() / 1000];
      try {
        if (this.#config.verifies) return await readBelieved(rpc, this.#target, this.#host, floor, now);
        return await readProven(rpc, hash, this.#target, this.#host, floor, now);
      } catch (thrown) {
        if (this.#isOver) return undefined;
        failures.push({ source: rpc.name, ...plain(thrown) });
      }
    }
    return undefined;
  }

  /** The hash of the block that the app trusts now. */
  async #trusted(): Promise<string> {
    try {
      return String(JSON.parse(await this.#host.ask({ what: 'header' })));
    } catch (thrown) {
      const message = `the app names no block of L1 that it trusts: ${text(thrown)}`;
      throw { code: 'no_header', message, remedy: 'let `header` resolve to the hash of a block, or to an object that has it' } satisfies PlainError;
    }
  }
}

function plain(thrown: unknown): PlainError {
  if (!isPlainError(thrown)) return noL1(thrown instanceof L1Refusal ? thrown.message : `it cannot be read: ${text(thrown)}`);
  const { code, message, remedy } = thrown;
  return { code, message, remedy };
}
