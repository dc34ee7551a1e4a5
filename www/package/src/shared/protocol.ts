// What the page and the worker say to each other. Plain data.

import type { PlainError } from './errors.js';
import type { FollowerEvent } from './events.js';
import type { Report } from './status.js';

/** A block of the chain, without its contents. */
export interface KeptBlock {
  readonly number: number;
  readonly hash: string;
  readonly parent: string;
  /** Unix seconds. */
  readonly timestamp: number;
  /** The block's own time, Unix milliseconds. */
  readonly timestamp_ms: number;
}

/**
 * Events that may be on their way to a page that has not acknowledged them: more than a gap of four minutes has at five blocks a
 * second. Beyond it the worker drops and counts.
 */
export const WINDOW = 4096;

export type ToWorker =
  /** Start a node with this configuration, as JSON, and the WebAssembly module of this URL instead of the package's own. */
  | { readonly type: 'start'; readonly config: string; readonly wasm: string | undefined }
  | { readonly type: 'report'; readonly id: number }
  /** So many events arrived. */
  | { readonly type: 'ack'; readonly count: number }
  | { readonly type: 'stop' };

export type FromWorker =
  /** The script is loaded and listens. */
  | { readonly type: 'ready' }
  | { readonly type: 'started'; readonly report: Report }
  /** There is no node, or there is none any more. */
  | { readonly type: 'failed'; readonly error: PlainError }
  | { readonly type: 'event'; readonly event: FollowerEvent; readonly dropped: number }
  /** The head moved, which is to be kept over a reload. */
  | { readonly type: 'keep'; readonly link: KeptBlock }
  /** Where relays are, which is to be kept too. */
  | { readonly type: 'relays'; readonly relays: readonly string[] }
  | { readonly type: 'report'; readonly id: number; readonly report: Report }
  | { readonly type: 'stopped'; readonly report: Report | null };
