// The arguments of a chain's methods, and their check.

import { PetrelError } from '../shared/errors.js';
import type { Hex } from '../shared/events.js';
import type { TransactionForm } from './full-block.js';
import { check, signal, type Check, type Checks } from './options.js';
import { isRpc, type Rpc } from './rpc.js';

export interface WaitOptions {
  /** Ends the wait: the promise rejects with its reason. */
  readonly signal?: AbortSignal;
}

export interface BlockOptions<F extends TransactionForm> {
  /** `hashes` unless it is given; `raw`: the bytes that were signed; `full`: decoded. */
  readonly transactions?: F;
}

export interface TransactionOptions extends WaitOptions {
  /** How many blocks must be built on the transaction's block; 0 unless it is given. */
  readonly confirmations?: number;
}

export interface SendOptions extends TransactionOptions {
  /** Where it is sent instead of the first of `proofs`. */
  readonly rpc?: Rpc;
}

const FORMS: readonly unknown[] = ['hashes', 'raw', 'full'] satisfies TransactionForm[];
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const confirmations: Check = (value) => (isCount(value) ? null : 'is no number of blocks');

const WAIT: Checks<WaitOptions> = { signal };
const BLOCK: Checks<BlockOptions<TransactionForm>> = {
  transactions: (value) => (FORMS.includes(value) ? null : "is none of 'hashes', 'raw' and 'full'"),
};
const TRANSACTION: Checks<TransactionOptions> = { ...WAIT, confirmations };
const SEND: Checks<SendOptions> = { ...TRANSACTION, rpc: (value) => (isRpc(value) ? null : 'is no URL and no EIP-1193 provider') };

/** @throws {PetrelError} `bad_options`. */
export const checkWait = (options: unknown): void => check(options, WAIT);
export const checkBlock = (options: unknown): void => check(options, BLOCK);
export const checkTransaction = (options: unknown): void => check(options, TRANSACTION);
export const checkSend = (options: unknown): void => check(options, SEND);

/**
 * A block as the node takes it: `latest`, a decimal number or a hash.
 *
 * @throws {PetrelError} `bad_request`.
 */
export function whichBlock(which: unknown): string {
  if (which === 'latest') return which;
  if (isCount(which) || (typeof which === 'bigint' && which >= 0n && which < 1n << 64n)) return String(which);
  if (isHash(which)) return which.toLowerCase();
  throw bad(`${shown(which)} names no block`, "give 'latest', a number, or a hash");
}

/** @throws {PetrelError} `bad_request`. */
export function transactionHash(hash: unknown): Hex {
  if (isHash(hash)) return hash.toLowerCase() as Hex;
  throw bad(`${shown(hash)} is no hash of a transaction`, 'give 32 bytes of 0x-hex');
}

/** @throws {PetrelError} `bad_request`. */
export function rawTransaction(raw: unknown): Hex {
  if (typeof raw === 'string' && raw.length % 2 === 0 && /^0x[0-9a-f]{2,}$/i.test(raw)) return raw as Hex;
  throw bad(`${shown(raw)} is no signed transaction`, 'give its bytes as 0x-hex');
}

function isHash(value: unknown): value is Hex {
  return typeof value === 'string' && /^0x[0-9a-f]{64}$/i.test(value);
}

/** Anything as text of a bounded length. */
function shown(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

function bad(message: string, remedy: string): PetrelError {
  return new PetrelError({ code: 'bad_request', message, remedy });
}
