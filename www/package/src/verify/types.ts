// What `verify` and `judgeEvidence` resolve to. It mirrors `wasm/verify/src/lib.rs` and the core's `evidence`.

import type { Hex } from '../shared/events.js';
import type { EvidenceFault, MessageFault } from '../shared/faults.js';

/** The version of a payload's encoding, and of the topic that carries it. */
export type PayloadVersion = 'V1' | 'V2' | 'V3' | 'V4';

/** A block of which the signature and the hash were verified. A field that its version does not have is `null`. */
export interface VerifiedBlock {
  readonly number: number;
  readonly hash: Hex;
  readonly parent: Hex;
  /** Unix seconds, as in the header. */
  readonly timestamp: number;
  /** Unix milliseconds: the block's own time. */
  readonly timestampMs: number;
  /** The number of transactions. */
  readonly txs: number;
  /** The hashes of the transactions, in order. */
  readonly transactions: readonly Hex[];
  readonly stateRoot: Hex;
  readonly transactionsRoot: Hex;
  readonly receiptsRoot: Hex;
  /** From Isthmus on (V4). */
  readonly withdrawalsRoot: Hex | null;
  /** From Ecotone on (V3). */
  readonly parentBeaconBlockRoot: Hex | null;
  readonly feeRecipient: Hex;
  readonly prevRandao: Hex;
  readonly gasLimit: number;
  readonly gasUsed: number;
  /** Wei per gas. */
  readonly baseFeePerGas: bigint;
  readonly extraData: Hex;
  readonly logsBloom: Hex;
  /** From Ecotone on (V3); from Jovian on it is the data availability footprint. */
  readonly blobGasUsed: number | null;
  readonly excessBlobGas: number | null;
}

interface JudgedMessage {
  /** op-node's message id on the topic. */
  readonly messageId: Hex;
  /** The version of the topic on which the message was judged. */
  readonly version: PayloadVersion;
  /** The fork that an accepted block shows and the chain's schedule lacks: the package is older than the fork. */
  readonly scheduleMismatch: string | null;
}

/** A message that passed every rule. */
export interface AcceptedMessage extends JudgedMessage {
  readonly verdict: 'accept';
  readonly block: VerifiedBlock;
  readonly signer: Hex;
  readonly fault: null;
  readonly detail: null;
}

/** A message that breaks a rule, or that could not be judged because no signer is known (`ignore`). */
export interface RefusedMessage extends JudgedMessage {
  readonly verdict: 'reject' | 'ignore';
  readonly block: null;
  /** Who signed it, as far as that can be said: also another one than the chain's signer. */
  readonly signer: Hex | null;
  /** The first rule that it breaks. */
  readonly fault: MessageFault;
  /** The same in words. */
  readonly detail: string;
}

export type Verification = AcceptedMessage | RefusedMessage;

/** The verdict on evidence. Unless it is accepted, nothing of what it states is repeated. */
export interface EvidenceReport {
  readonly kind: 'petrel-equivocation';
  readonly chain: number | null;
  /** The signer of both blocks. */
  readonly signer: Hex | null;
  /** The number of both blocks. */
  readonly number: number | null;
  /** The hashes of the two blocks. */
  readonly hashes: readonly [Hex, Hex] | null;
  readonly verdict: 'accept' | 'reject' | 'ignore';
  readonly fault: EvidenceFault | null;
  readonly detail: string | null;
}
