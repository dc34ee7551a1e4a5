// The status of a follower, as `status()` returns it. `worker/status-tracker.ts` makes it.

import type { BlockRef, Hex, Peer } from './events.js';

/**
 * - `connecting`: no relay is connected.
 * - `waiting`: connected, and no block was verified yet.
 * - `catching_up`: blocks arrive, and blocks below them that were missed are fetched: the head is old until then. See `catchingUp`.
 * - `live`: blocks arrive, and the head is the newest.
 * - `stalled`: blocks arrived, and for several block times none has.
 * - `stopped`, `failed`: the end.
 */
export type State = 'connecting' | 'waiting' | 'catching_up' | 'live' | 'stalled' | 'stopped' | 'failed';

/** A follower at one moment. Counts are since its start. */
export interface Status extends Report {
  /** Where the node runs; `shared`: in a worker of all tabs of this origin. */
  readonly thread: 'worker' | 'shared' | 'page';
  /** Why it does not run in a worker. */
  readonly threadReason: string | null;
}

/** The part of a status that the worker makes. */
export interface Report {
  readonly state: State;
  /** Why it is not live, as text; `null` when it is. */
  readonly reason: string | null;
  readonly chain: ChainStatus;
  /** The fork that the chain's blocks show and its schedule lacks; `null` when they agree. Blocks are still followed. */
  readonly scheduleMismatch: string | null;
  /** The address whose signatures are accepted. */
  readonly signer: Hex | null;
  /** Where it comes from, and how old that is. */
  readonly signerSource: SignerSource;
  /** The newest block of the verified chain. */
  readonly head: BlockRef | null;
  /** The blocks that were missed and are being fetched; `null` when none are. */
  readonly catchingUp: CatchingUp | null;
  /** What became of each of the relays that were given. */
  readonly relays: readonly RelayStatus[];
  readonly peers: readonly Peer[];
  /** Verified blocks. */
  readonly verified: number;
  /** Reorgs. */
  readonly reorgs: number;
  /** Messages that were rejected as invalid. */
  readonly rejected: number;
  /** Messages that were neither accepted nor counted against a peer, such as duplicates. */
  readonly ignored: number;
  /** Rejected and ignored messages by the first rule that they broke. */
  readonly faults: Readonly<Record<string, number>>;
  readonly clock: Clock;
  readonly traffic: Traffic;
  /** Bytes of the WebAssembly module's memory, which grows and never shrinks; followers of one thread share it. */
  readonly moduleBytes: number;
  /** Our own peer id. */
  readonly peer: string;
}

/** Where the signer comes from. */
export interface SignerSource {
  /** `preset`: the chain's object. `option`: `signer`. `l1`: it is read from L1, and no block is accepted before. */
  readonly from: 'preset' | 'option' | 'l1';
  /** The date on which the chain's object had it, `YYYY-MM-DD`; `null` if that is not known, or where it is not used. */
  readonly date: string | null;
  /** The block of L1 at which it was read last, and its time in Unix seconds; `null` before the first reading. */
  readonly block: number | null;
  readonly blockTime: number | null;
  /** When it was read last, Unix milliseconds by this device. */
  readonly readAt: number | null;
  /** Why the latest reading failed, as text; `null` when it did not. */
  readonly error: string | null;
}

/** Blocks that are being fetched. */
export interface CatchingUp {
  /** The first and the last number that was missed. */
  readonly from: number;
  readonly to: number;
  /** How many of them are verified, from the upper end downwards. */
  readonly done: number;
  /** Average rate since the gap opened. */
  readonly blocksPerSec: number;
}

/** One of the relays that were given. */
export interface RelayStatus {
  /** As it was given. */
  readonly relay: string;
  /** Its peer id; `null` while its record has not been read. */
  readonly peer: string | null;
  /**
   * - `waiting`: it was not tried yet, or enough others are connected.
   * - `failed`: it was tried, and is tried again later.
   * - `other_chain`: it follows another one of the chains of the same `createPetrel`.
   */
  readonly state: 'connected' | 'waiting' | 'failed' | 'other_chain';
  /** Why it failed, as text. */
  readonly error: string | null;
}

/** The chain, and how it is now. */
export interface ChainStatus {
  readonly id: number;
  readonly name: string;
  /** Seconds between blocks, a fraction where there are several a second (0.2). */
  readonly blockTime: number;
  /** The same in milliseconds: the smaller of what the chain's schedule says and what its blocks show. */
  readonly intervalMs: number;
  /** The latest fork of the schedule that is active, by name. */
  readonly fork: string;
}

/** Bytes, since the start. */
export interface Carried {
  readonly in: number;
  readonly out: number;
}

/** Bytes of all connections. */
export interface Traffic {
  /** By transport: the bytes of WebSockets without their frames, and those of the streams of WebTransport. */
  readonly transports: { readonly ws: Carried; readonly webtransport: Carried };
  /**
   * By protocol of a stream: gossip (`meshsub`), blocks by number, and so on. Encryption and multiplexing are not counted, so
   * the sum is less than that of the transports. A browser does not use `autonat`.
   */
  readonly protocols: Readonly<Record<'meshsub' | 'payloadByNumber' | 'identify' | 'ping' | 'autonat' | 'other', Carried>>;
}

/** This device's clock beside the chain's. */
export interface Clock {
  /**
   * Arrival minus the own time of the validly signed blocks lately (their median), out of time or not: the network's delay,
   * and by how much this clock is ahead. `null` before the first.
   */
  readonly offsetMs: number | null;
  /** A warning as text; `null` while network delay explains the offset. */
  readonly warning: string | null;
  /** Blocks are out of time, and the relays' time agrees with this device's clock: the sequencer's is wrong. */
  readonly sequencerWrong: boolean;
  /** By how much the relays' clocks are ahead of this device's, as their records say (median); `null` without a record. */
  readonly relaysMs: number | null;
  /** Milliseconds that are added to this device's clock because most relays agree that it is wrong. */
  readonly correctedMs: number;
}
