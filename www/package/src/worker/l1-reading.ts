// One reading of the signer from L1: a header of the trusted hash, the proof of SystemConfig's slot against its state, both verified by
// the node's code; or the word of a provider that verifies by itself.

import { type PlainError } from '../shared/errors.js';
import { read, type Hex } from '../shared/events.js';
import { L1Refusal, noL1, type L1Rpc } from './l1-rpc.js';

/** `keccak256("systemconfig.unsafeblocksigner")`: the slot of the signer (specs, system-config). */
export const SIGNER_SLOT = '0x65a7ed542fb37fe237fdfbdd70b31598523fe5b32879e307bae27a0bd9581c08';

/**
 * Bytes of an answer: a block with the hashes of 15,000 transactions, five times what 60 million gas can hold; its header alone; a proof,
 * of which real ones have some 20 kB; a number or a word.
 */
const MAX_BLOCK = 1 << 20;
const MAX_HEADER = 64 << 10;
const MAX_PROOF = 256 << 10;
const MAX_WORD = 1 << 10;
/** Seconds that a block of L1 may be ahead of this device's clock. */
const MAX_LEAD = 60;
/** Seconds that the newest block of a provider that verifies by itself may be old: 75 slots, as for the daemon. */
const MAX_AGE = 15 * 60;

/** The contract that has the signer, and its L1's chain id, if that is known. */
export interface L1Target {
  readonly systemConfig: string;
  readonly chain: number | null;
}

/** What was read, at which block of L1 and its time, Unix seconds. */
export interface Reading {
  readonly signer: Hex;
  readonly block: number;
  readonly time: number;
}

/** What verifies an answer, each throwing a `PlainError`. */
export interface L1Verifier {
  /** The fields of a header that has this hash, as JSON. */
  header(hash: string, block: string): string;
  /** The signer's address that the proof shows. */
  signer(stateRoot: string, systemConfig: string, proof: string): string;
  /** The signer's address in the slot's word. */
  word(word: string): string;
}

/** A header's fields, as `L1Verifier.header` has them. */
interface Header {
  readonly number: number;
  readonly timestamp: number;
  readonly stateRoot: string;
}

/** Reads at the block of this hash, which is trusted. `floor` is the time of the last reading's block, `now` this device's; Unix seconds. */
export async function readProven(rpc: L1Rpc, hash: string, target: L1Target, verifier: L1Verifier, floor: number, now: number): Promise<Reading> {
  const block = headerOf(await rpc.call('eth_getBlockByHash', [hash, false], MAX_BLOCK));
  const header = read<Header>(verifier.header(hash, block));
  checkTime(header.number, header.timestamp, floor, now);
  const proof = await proofAt(rpc, hash, header.number, target);
  const signer = verifier.signer(header.stateRoot, target.systemConfig, JSON.stringify(proof)) as Hex;
  return { signer, block: header.number, time: header.timestamp };
}

/** Reads what a provider says that verifies by itself. */
export async function readBelieved(rpc: L1Rpc, target: L1Target, verifier: L1Verifier, floor: number, now: number): Promise<Reading> {
  const chain = quantity(await rpc.call('eth_chainId', [], MAX_WORD), 'eth_chainId');
  if (target.chain !== null && chain !== target.chain) throw wrongL1(chain, target.chain);
  const newest = Object(await rpc.call('eth_getBlockByNumber', ['latest', false], MAX_BLOCK)) as { number?: unknown; timestamp?: unknown };
  const [block, time] = [quantity(newest.number, 'eth_getBlockByNumber'), quantity(newest.timestamp, 'eth_getBlockByNumber')];
  checkTime(block, time, floor, now);
  if (now - time > MAX_AGE) throw old(`its newest block ${block} is ${Math.round(now - time)} s old`);
  const word = await rpc.call('eth_getStorageAt', [target.systemConfig, SIGNER_SLOT, `0x${block.toString(16)}`], MAX_WORD);
  return { signer: verifier.word(String(word)) as Hex, block, time };
}

/** The proof at a block by its hash (EIP-1898); by its number where the node does not know that: it is verified all the same. */
async function proofAt(rpc: L1Rpc, hash: string, number: number, { systemConfig }: L1Target): Promise<unknown> {
  const at = (block: unknown): Promise<unknown> => rpc.call('eth_getProof', [systemConfig, [SIGNER_SLOT], block], MAX_PROOF);
  try {
    return await at({ blockHash: hash });
  } catch (thrown) {
    if (!(thrown instanceof L1Refusal)) throw thrown;
    return at(`0x${number.toString(16)}`);
  }
}

/** The fields of a block's header, as JSON: those that are text. */
function headerOf(block: unknown): string {
  const fields = Object.entries(Object(block) as object).filter(([, value]) => typeof value === 'string');
  const json = JSON.stringify(Object.fromEntries(fields));
  if (json.length > MAX_HEADER) throw noL1(`its header has more than ${MAX_HEADER} bytes`);
  return json;
}

/** @throws {PlainError} The block is in the future, or older than that of the last reading. */
function checkTime(block: number, time: number, floor: number, now: number): void {
  if (time > now + MAX_LEAD) {
    const message = `the block ${block} of L1 is ${Math.round(time - now)} s ahead of this device's clock`;
    throw { code: 'future_header', message, remedy: "set this device's clock, or trust another header" } satisfies PlainError;
  }
  // A last reading in the future was made with another clock.
  if (time < floor && floor <= now + MAX_LEAD) throw old(`the block ${block} of L1 is ${floor - time} s older than that of the last reading`);
}

function old(message: string): PlainError {
  return { code: 'old_header', message, remedy: 'the last signer that was read stays; trust a newer header, or another L1' };
}

function wrongL1(found: number, expected: number): PlainError {
  return { code: 'wrong_l1', message: `it follows the chain ${found}, and L1 is ${expected}`, remedy: "give a provider of the chain's own L1" };
}

function quantity(value: unknown, method: string): number {
  if (typeof value !== 'string' || !/^0x[\da-f]{1,13}$/i.test(value)) throw noL1(`its answer to ${method} has no number`);
  return Number(value);
}
