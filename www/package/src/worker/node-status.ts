// The status of the node in the WebAssembly module: its JSON with the keys in camelCase, as far as the package uses it.
// `test/samples.test.js` compares it with what Rust writes.

import type { BlockRef, Hex, Peer, Tried } from '../shared/events.js';
import type { Traffic } from '../shared/status.js';

export interface NodeStatus {
  readonly chain: number;
  readonly name: string;
  readonly intervalMs: number;
  readonly fork: string;
  readonly scheduleMismatch: string | null;
  readonly signer: Hex | null;
  readonly head: BlockRef | null;
  /** First and last missing number. */
  readonly gap: readonly [number, number] | null;
  readonly peers: readonly (Omit<Peer, 'tried' | 'firsts'> & { readonly tried?: readonly Tried[] })[];
  readonly accepted: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly offsetMs: number | null;
  readonly clockSkew: boolean;
  readonly sequencerSkew: boolean;
  readonly signerMismatch: Hex | null;
  readonly peer: string;
  readonly transportBytes: Traffic['transports'];
  readonly protocolBytes: Traffic['protocols'];
}
