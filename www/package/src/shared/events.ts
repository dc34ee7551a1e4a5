// The events of a follower: those of the node, as the daemon's `--events json` with keys in camelCase, and those of the package
// itself. `test/samples.test.js` compares them with what Rust writes.

import type { ErrorCode } from './errors.js';
import type { AnswerFault, MessageFault } from './faults.js';

/** 0x-prefixed hex. */
export type Hex = `0x${string}`;

/** A block by number and hash. */
export interface BlockRef {
  readonly number: number;
  readonly hash: Hex;
}

/**
 * A verified block: its hash was recomputed here, and either its signature and every rule of the gossip network were checked,
 * or a verified block names it as its ancestor (`via: 'sync'`).
 */
export interface Block extends BlockRef {
  readonly parent: Hex;
  /** Unix seconds, as in its header. */
  readonly timestamp: number;
  /** The block's own time in Unix milliseconds, where its chain has them; whole seconds elsewhere. */
  readonly timestampMs: number;
  /** How many transactions it has. */
  readonly txs: number;
  /** The size of the message, uncompressed. */
  readonly bytes: number;
  /** The payload's version, `V1` to `V4`. */
  readonly version: string;
  /** Who signed it, recovered from the signature; `null` when it was fetched: its signed descendants prove its hash. */
  readonly signer: Hex | null;
  /** `sync`: it was missed, and fetched to close a gap. Such blocks come newest first. */
  readonly via: 'gossip' | 'local' | 'sync';
  /** The peer that it came from first. */
  readonly peer: string | null;
  /** Arrival minus the block's own time, milliseconds. Negative when it came early, or when this device's clock is behind. */
  readonly delayMs: number;
  /** Verification minus arrival, milliseconds. */
  readonly judgedMs: number;
}

/** The newest block of the verified chain. */
export interface Head extends BlockRef {
  readonly parent: Hex;
  /** Unix seconds, as in its header. */
  readonly timestamp: number;
  /** The block's own time in Unix milliseconds. */
  readonly timestampMs: number;
  /** `anchored`: the first one, or the first after a gap that was skipped. `reorged`: blocks were replaced. */
  readonly why: 'anchored' | 'extended' | 'reorged';
  readonly replaces?: BlockRef;
  /** How many blocks before this one have no `head` event of their own: only after a gap of more than 2048 blocks. */
  readonly omitted?: number;
}

/** Blocks `from` to `to` are no longer in the chain, `depth` in all. `hashes` has at most the last 256, in rising order. */
export interface Reorg {
  readonly from: number;
  readonly to: number;
  readonly depth: number;
  readonly hashes: readonly Hex[];
}

/** A connected peer. */
export interface Peer {
  readonly peer: string;
  /** Its multiaddr. */
  readonly address: string;
  /** `webtransport`, `wss` or `ws`. */
  readonly transport: string;
  /** Addresses of this relay that were dialled before this one, and why each dial failed; one that is slower than this one has failed too. */
  readonly tried: readonly Tried[];
  /** Its agent version, from identify. */
  readonly agent: string | null;
  /** How many blocks it delivered first since it connected. */
  readonly firstDeliveries: number;
  /** @deprecated The old name of `firstDeliveries`. */
  readonly firsts: number;
}

/** An address whose dial failed. */
export interface Tried {
  readonly address: string;
  /** As text. */
  readonly error: string;
}

/** An answer of an RPC that its proof does not fit. */
export interface Lie {
  /** The host of its URL, or `the provider`. */
  readonly rpc: string;
  readonly method: string;
  readonly params: readonly unknown[];
  /** The hash of the block whose root the answer contradicts. */
  readonly block: string;
  /** What does not fit, as text. */
  readonly message: string;
  /** The answer itself, with the proof that came with it. */
  readonly answer: unknown;
}

interface PrunedPeer {
  readonly peer: string;
  /** As text. */
  readonly why: string;
}

interface InvalidMessage {
  readonly peer: string | null;
  readonly version: string;
  /** The first rule that the message breaks. */
  readonly fault: MessageFault;
  /** The same as text, with its numbers. */
  readonly detail: string;
}

/** An event. Kinds may be added: ignore those that you do not know. */
export type FollowerEvent =
  | ({ readonly event: 'block' } & Block)
  | ({ readonly event: 'head' } & Head)
  | { readonly event: 'gap'; readonly from: number; readonly to: number; readonly state: 'opened' | 'closed' | 'skipped' }
  | {
      readonly event: 'synced';
      readonly from: number;
      readonly to: number;
      readonly done: number;
      readonly blocksPerSec: number;
      readonly bytesPerSec: number;
    }
  | {
      readonly event: 'fetch_failed';
      readonly peer: string;
      readonly number: number;
      readonly fault: AnswerFault;
      readonly detail: string;
    }
  | { readonly event: 'conflict'; readonly number: number; readonly first: Hex; readonly second: Hex }
  | ({ readonly event: 'reorg' } & Reorg)
  /** A fork of the chain's schedule is active from this block on; `time` is when it was scheduled, Unix seconds. */
  | { readonly event: 'fork'; readonly number: number; readonly time: number; readonly name: string }
  /** The signer's blocks show a fork that the chain's schedule lacks. They are verified and followed. `remedy` says what to do. */
  | {
      readonly event: 'schedule_mismatch';
      readonly number: number;
      readonly timestamp: number;
      readonly fork: string;
      readonly remedy: string;
    }
  | {
      readonly event: 'connected';
      readonly peer: string;
      readonly address: string;
      readonly transport: string;
      /** Who dialled. A tab always does. */
      readonly direction: 'inbound' | 'outbound';
      /** Whether the peer is a browser. */
      readonly leaf: boolean;
      readonly tried?: readonly Tried[];
    }
  /**
   * A relay's signed record was read: its addresses, and by how much its clock is ahead of this device's; `null` when that could not be
   * measured, because the device slept meanwhile or the answer was slow.
   */
  | {
      readonly event: 'relay_found';
      readonly url: string;
      readonly peer: string;
      readonly addresses: readonly string[];
      readonly clockMs: number | null;
    }
  /**
   * `relays` of `of` relays agree that this device's clock is `offsetMs` behind (negative: ahead). Blocks are judged by this device's
   * clock plus `correctedMs`, which is 0 when the offset is too small or too large to be corrected, or when they no longer agree.
   */
  | {
      readonly event: 'relay_clock';
      readonly offsetMs: number;
      readonly correctedMs: number;
      readonly relays: number;
      readonly of: number;
    }
  | {
      readonly event: 'record_failed';
      readonly url: string;
      readonly code: ErrorCode;
      readonly message: string;
      readonly remedy: string;
      readonly retryMs: number;
    }
  | { readonly event: 'disconnected'; readonly peer: string; readonly reason: string }
  | { readonly event: 'dial_failed'; readonly peer: string; readonly error: string; readonly retryMs: number }
  | { readonly event: 'topic_joined'; readonly peer: string; readonly version: string }
  | { readonly event: 'topic_left'; readonly peer: string; readonly version: string }
  | ({ readonly event: 'rejected' } & InvalidMessage)
  | ({ readonly event: 'ignored' } & InvalidMessage)
  | { readonly event: 'signer_mismatch'; readonly expected: Hex; readonly found: Hex; readonly peers: number }
  /** The accepted signer was read from L1 for the first time, or rotated; `grace` is the previous one while it is accepted too. */
  | { readonly event: 'signer_changed'; readonly previous: Hex | null; readonly current: Hex | null; readonly grace: Hex | null }
  /** The previous signer is not accepted any more: the current one has signed, or three hours are over. */
  | { readonly event: 'signer_retired'; readonly retired: Hex }
  /**
   * The signer could not be read from L1 through `source`. The last one that was read stays; without one no block is accepted. It is read
   * again in `retryMs`; `null`: another source has answered, and nothing is read any more.
   */
  | {
      readonly event: 'l1_failed';
      readonly source: string;
      readonly code: ErrorCode;
      readonly message: string;
      readonly remedy: string;
      readonly retryMs: number | null;
    }
  /** Blocks are out of time (positive: late). This device's clock may be wrong. */
  | { readonly event: 'clock_skew'; readonly offsetSecs: number; readonly peers: number }
  /** The same, and the relays' time agrees with this device's: the sequencer's clock is wrong. */
  | { readonly event: 'sequencer_skew'; readonly offsetSecs: number; readonly peers: number }
  | { readonly event: 'graylisted'; readonly peer: string; readonly score: number }
  | { readonly event: 'banned'; readonly who: string; readonly until: number | null; readonly reason: string }
  | { readonly event: 'unbanned'; readonly who: string }
  /** The connection manager closed connections: more than `high` were open, `low` stay. */
  | {
      readonly event: 'pruned';
      readonly low: number;
      readonly high: number;
      readonly stay: readonly PrunedPeer[];
      readonly gone: readonly PrunedPeer[];
    }
  /** An RPC gave an answer that its proof does not fit; `answer` is the evidence. */
  | ({ readonly event: 'rpc_lied' } & Lie)
  /** The app has named this method in `unverified`: its answer was passed through as the RPC gave it. */
  | { readonly event: 'unverified'; readonly method: string }
  /** What a subscription of the provider should have sent could not be proven. */
  | { readonly event: 'unproven'; readonly message: string }
  | { readonly event: 'stalled'; readonly millis: number }
  | { readonly event: 'identified'; readonly peer: string; readonly agent: string }
  | { readonly event: 'discovered'; readonly peer: string; readonly address: string };

/** The keys of this object are names of rules, which stay as they are. */
const FAULTS = 'faults';

/** The node's JSON with its keys in camelCase. The node makes the JSON, so its shape is known. */
export function read<T>(json: string): T {
  return JSON.parse(json, function camel(this: unknown, at: string, value: unknown) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || at === FAULTS) return value;
    const entries = Object.entries(value);
    return Object.fromEntries(entries.map(([key, inner]) => [key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()), inner]));
  }) as T;
}
