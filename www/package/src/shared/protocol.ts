// The messages between the page and the worker: plain data. The worker has a port for each node.

import type { PlainError } from './errors.js';
import type { FollowerEvent } from './events.js';
import type { L1Question } from './l1.js';
import type { Report } from './status.js';

/** Names a block. */
export interface KnownBlock {
  readonly number: number;
  readonly hash: string;
}

/** A block of the chain, without its contents. */
export interface KeptBlock extends KnownBlock {
  readonly parent: string;
  /** Unix seconds. */
  readonly timestamp: number;
  /** The block's own time, Unix milliseconds. */
  readonly timestamp_ms: number;
}

/**
 * How many events may be sent to a page that has not acknowledged them: more than four minutes of blocks at five a second. Beyond
 * that the worker drops events and counts them.
 */
export const WINDOW = 4096;

/**
 * What a page may call: the node's methods, and `hashOf`, which is the module's. Arguments and results are text; `undefined` is a result
 * that is not there.
 */
export const METHODS = ['block', 'transaction', 'receipts', 'logs', 'matching', 'account', 'window', 'evidence', 'hashOf'] as const;
export type Method = (typeof METHODS)[number];

/** To the worker itself. */
export type ToThread =
  /** Serve a node on this port. */
  | { readonly type: 'open'; readonly port: MessagePort }
  /** Whether the worker answers. */
  | { readonly type: 'ping' };

/** To the worker that the tabs of an origin share. */
export type ToSharedThread =
  /** The tab is being closed, or kept by the browser. */
  | { readonly type: 'gone' }
  /** Serve the node of this key on this port: one node for all tabs that give the same key. */
  | { readonly type: 'open'; readonly port: MessagePort; readonly key: string }
  /** Whether the worker answers. */
  | { readonly type: 'ping' };

/** From the worker itself. */
export type FromThread =
  /** The script is loaded and listens. */
  | { readonly type: 'ready' }
  /** This tab was silent for so long that its nodes may have ended: it starts again. */
  | { readonly type: 'forgotten' }
  /** The answer to `ping`. */
  | { readonly type: 'pong' };

/** To one node. */
export type ToWorker =
  /**
   * Start a node with this configuration, as JSON, and the WebAssembly module of this URL instead of the package's own. A node that runs
   * already, because tabs share it, sends what followed the block `since`: the newest one that the page knows.
   */
  | { readonly type: 'start'; readonly config: string; readonly wasm: string | undefined; readonly since: KnownBlock | null }
  | { readonly type: 'report'; readonly id: number }
  /** The answer to `ask`: JSON, or what is wrong, as text. */
  | { readonly type: 'answer'; readonly id: number; readonly json: string; readonly error: string | null }
  /** Call this method (one of `METHODS`). */
  | { readonly type: 'call'; readonly id: number; readonly method: string; readonly args: readonly string[] }
  /** The page has received this many more events. */
  | { readonly type: 'ack'; readonly count: number }
  | { readonly type: 'stop' };

/** From one node. */
export type FromWorker =
  | { readonly type: 'started'; readonly report: Report }
  /** The node that this port was connected to is gone. Another one takes its place when it is started, with what the page knows. */
  | { readonly type: 'restart' }
  /** The node could not be started, or has failed. */
  | { readonly type: 'failed'; readonly error: PlainError }
  | { readonly type: 'event'; readonly event: FollowerEvent; readonly dropped: number }
  /** The head moved: this block is to be saved for a later run. */
  | { readonly type: 'persist'; readonly block: KeptBlock }
  /** The present addresses of relays, to be saved too. */
  | { readonly type: 'relays'; readonly relays: readonly string[] }
  | { readonly type: 'report'; readonly id: number; readonly report: Report }
  /** A question to the page. */
  | { readonly type: 'ask'; readonly id: number; readonly question: L1Question }
  /** The result of `call`. */
  | { readonly type: 'returned'; readonly id: number; readonly value: string | undefined }
  | { readonly type: 'threw'; readonly id: number; readonly error: PlainError }
  | { readonly type: 'stopped'; readonly report: Report | null };
