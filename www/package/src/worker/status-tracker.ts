// Derives a follower's status from the node's status and from the events so far. It runs where the events are made, so it misses
// none.

import type { FollowerEvent, Peer } from '../shared/events.js';
import type { CatchingUp, Clock, Report, SignerSource, State } from '../shared/status.js';
import type { NodeStatus } from './node-status.js';

/** The part of `Clock` that the package adds. */
type RelayClock = Pick<Clock, 'relaysMs' | 'correctedMs'>;

/** What the package adds to the status of the node. */
export type Added = RelayClock & Pick<Report, 'moduleBytes' | 'relays' | 'signerSource'>;

/** Of a package that adds nothing. */
const NOTHING: Added = {
  relaysMs: null,
  correctedMs: 0,
  moduleBytes: 0,
  relays: [],
  signerSource: { from: 'preset', date: null, block: null, blockTime: null, readAt: null, error: null },
};

/** The clock offset is the median of the block delays of the last `DELAY_WINDOW` milliseconds: at least and at most so many. */
const MIN_DELAYS = 9;
const DELAY_WINDOW = 10_000;
const MAX_DELAYS = 512;
/** Milliseconds that a block may be late, and early, before there is a warning about the clock. */
const LATE = 5_000;
const EARLY = -1_500;
/** Block times without a block after which the chain counts as stalled, and the least time in milliseconds. */
const STALLED_BLOCKS = 4;
const MIN_STALLED = 6_000;

/** A gap that is open for less may be gossip in another order. Milliseconds. */
const SHORT_GAP = 1_000;

/** Times are milliseconds of a monotonic clock: this device's own may be set while it runs. */
export class StatusTracker {
  #lastBlock: number | undefined;
  #dial: { readonly error: string; readonly retryAt: number } | undefined;
  #record: { readonly error: string; readonly retryAt: number } | undefined;
  #disconnectReason: string | undefined;
  /** When the gap opened. */
  #gapSince: number | undefined;
  #synced: Extract<FollowerEvent, { event: 'synced' }> | undefined;
  #connectedAt = 0;
  readonly #topics = new Map<string, number>();
  #lastRejected: { readonly fault: string; readonly detail: string; readonly at: number } | undefined;
  /** Each with its time of arrival, in rising order of time. */
  readonly #delays: { readonly ms: number; readonly at: number }[] = [];
  #reorgs = 0;
  #rejected = 0;
  #ignored = 0;

  track(event: FollowerEvent, now: number): void {
    switch (event.event) {
      case 'block':
        this.#lastBlock = now;
        // A fetched block has no delay of its own.
        if (event.via === 'sync') break;
        this.#delay(event.delayMs, now);
        break;
      case 'connected':
        this.#connectedAt = now;
        this.#topics.set(event.peer, 0);
        this.#dial = undefined;
        break;
      case 'relay_found':
        this.#record = undefined;
        break;
      case 'record_failed':
        this.#record = { error: `${event.url}: ${event.message}`, retryAt: now + event.retryMs };
        break;
      case 'disconnected':
        this.#disconnectReason = event.reason;
        this.#topics.delete(event.peer);
        break;
      case 'dial_failed':
        this.#dial = { error: event.error, retryAt: now + event.retryMs };
        break;
      case 'topic_joined':
        this.#topics.set(event.peer, (this.#topics.get(event.peer) ?? 0) + 1);
        break;
      case 'gap':
        this.#gapSince = event.state === 'opened' ? now : undefined;
        this.#synced = undefined;
        break;
      case 'synced':
        this.#synced = event;
        break;
      case 'reorg':
        this.#reorgs += 1;
        break;
      case 'rejected':
        this.#rejected += 1;
        this.#lastRejected = { fault: event.fault, detail: event.detail, at: now };
        break;
      case 'ignored':
        this.#ignored += 1;
        break;
    }
  }

  #delay(ms: number, now: number): void {
    this.#delays.push({ ms, at: now });
    const late = this.#delays.filter(({ at }) => at > now - DELAY_WINDOW).length;
    this.#delays.splice(0, Math.max(0, this.#delays.length - Math.min(Math.max(late, MIN_DELAYS), MAX_DELAYS)));
  }

  report(node: NodeStatus, now: number, added: Added = NOTHING): Report {
    const { moduleBytes, relays, signerSource, ...relayed } = added;
    const clock = { ...this.#clock(node, now), ...relayed };
    const catchingUp = this.#catchingUp(node, now);
    const [state, reason] = this.#state(node, clock, catchingUp, relays, now);
    return {
      state,
      reason: state === 'waiting' && node.signer === null && signerSource.from === 'l1' ? unread(signerSource) : reason,
      chain: { id: node.chain, name: node.name, blockTime: node.intervalMs / 1000, intervalMs: node.intervalMs, fork: node.fork },
      scheduleMismatch: node.scheduleMismatch,
      signer: node.signer,
      signerSource,
      head: node.head,
      catchingUp,
      relays,
      peers: node.peers.map(peerOf),
      verified: node.accepted,
      reorgs: this.#reorgs,
      rejected: this.#rejected,
      ignored: this.#ignored,
      faults: node.faults,
      clock,
      traffic: { transports: node.transportBytes, protocols: node.protocolBytes },
      moduleBytes,
      peer: node.peer,
    };
  }

  #stalledAfter(node: NodeStatus): number {
    return Math.max(MIN_STALLED, STALLED_BLOCKS * node.intervalMs);
  }

  #fresh(node: NodeStatus, now: number): boolean {
    return this.#lastBlock !== undefined && now - this.#lastBlock <= this.#stalledAfter(node);
  }

  /** From the verified blocks; without any, from the last block that was validly signed and out of time. */
  #clock(node: NodeStatus, now: number): Omit<Clock, keyof RelayClock> {
    const sorted = this.#delays.map(({ ms }) => ms).sort((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)] ?? null;
    const offsetMs = this.#fresh(node, now) ? median : node.offsetMs;
    const sequencerWrong = node.sequencerSkew;
    const shouldWarn = node.clockSkew || sequencerWrong || (offsetMs !== null && (offsetMs > LATE || offsetMs < EARLY));
    return { offsetMs, warning: shouldWarn ? outOfTime(offsetMs ?? 0, sequencerWrong) : null, sequencerWrong };
  }

  #catchingUp({ gap }: NodeStatus, now: number): CatchingUp | null {
    if (!gap || this.#gapSince === undefined || now - this.#gapSince < SHORT_GAP) return null;
    return { from: gap[0], to: gap[1], done: this.#synced?.done ?? 0, blocksPerSec: this.#synced?.blocksPerSec ?? 0 };
  }

  #state(node: NodeStatus, clock: Clock, catchingUp: CatchingUp | null, relays: Added['relays'], now: number): [State, string | null] {
    if (node.peers.length === 0) return ['connecting', this.#disconnectedReason(relays, now)];
    if (this.#fresh(node, now)) return catchingUp ? ['catching_up', progress(catchingUp)] : ['live', null];
    const state = node.accepted === 0 ? 'waiting' : 'stalled';
    return [state, this.#noBlocksReason(node, clock, now)];
  }

  #disconnectedReason(relays: Added['relays'], now: number): string {
    const areOthers = relays.length > 0 && relays.every(({ state }) => state === 'other_chain');
    if (areOthers) return 'none of the relays that are given follows this chain';
    if (this.#dial) return `the relay cannot be reached, ${again(this.#dial.retryAt, now)}: ${this.#dial.error}`;
    if (this.#record) return `the relay's record cannot be read, ${again(this.#record.retryAt, now)}: ${this.#record.error}`;
    if (this.#disconnectReason !== undefined) return `the relay disconnected (${this.#disconnectReason}), connecting again`;
    return 'connecting to the relay';
  }

  #noBlocksReason(node: NodeStatus, clock: Clock, now: number): string {
    if (node.signerMismatch) return `the network follows another signer, ${node.signerMismatch}: the configured one is out of date`;
    if (clock.warning) return clock.warning;
    const rejected = this.#lastRejected;
    if (rejected && now - rejected.at <= this.#stalledAfter(node)) {
      return `the relay's messages are rejected: ${rejected.detail}`;
    }
    if (this.#lastBlock !== undefined) {
      return `no new block for ${Math.round((now - this.#lastBlock) / 1000)} s: the chain pauses, or the relay withholds blocks`;
    }
    const joined = [...this.#topics.values()].some((topics) => topics > 0);
    if (!joined && now - this.#connectedAt > MIN_STALLED) return 'the relay is connected, but joined no topic of this chain';
    return 'connected, waiting for the next block';
  }
}

/** Why no signer was read yet. */
function unread({ error }: SignerSource): string {
  return `no block is accepted before the signer was read from L1${error === null ? '' : `, which fails: ${error}`}`;
}

function progress({ from, to, done, blocksPerSec }: CatchingUp): string {
  return `fetching the blocks ${from} to ${to}, which were missed: ${done} of ${to - from + 1} so far, ${blocksPerSec.toFixed(1)} a second`;
}

/** A peer as a status has it. */
function peerOf({ peer, address, transport, tried = [], agent, firstDeliveries }: NodeStatus['peers'][number]): Peer {
  return { peer, address, transport, tried, agent, firstDeliveries, firsts: firstDeliveries };
}

function again(at: number, now: number): string {
  const seconds = Math.ceil((at - now) / 1000);
  return seconds > 0 ? `trying again in ${seconds} s` : 'trying again now';
}

/** An offset as text. `agreed`: the relays' time agrees with this device's. */
function outOfTime(offsetMs: number, agreed: boolean): string {
  const seconds = (Math.abs(offsetMs) / 1000).toFixed(Math.abs(offsetMs) < 10_000 ? 1 : 0);
  if (agreed) {
    const [when, how] = offsetMs < 0 ? ['before', 'ahead'] : ['after', 'behind'];
    return `blocks come ${seconds} s ${when} their time: the sequencer's clock is ${how}; this device's agrees with the relays'`;
  }
  return offsetMs < 0
    ? `blocks come ${seconds} s before their time: this device's clock is behind`
    : `blocks come ${seconds} s after their time: this device's clock is ahead, or the relay is late`;
}
