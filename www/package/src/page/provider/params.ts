// The parameters of requests, checked: a wrong one is an error, never a default.

import { invalid, unsupported } from './errors.js';

/** A block as a request names it: the signed head, a number, or a hash. */
export type BlockId = { readonly head: true } | { readonly number: bigint } | { readonly hash: string };

const QUANTITY = /^0x(0|[1-9a-f][0-9a-f]{0,63})$/i;

/** A parameter of EIP-1898 (a tag, a quantity, or an object with `blockHash` or `blockNumber`); the head when it is left out. */
export function blockId(value: unknown): BlockId {
  if (value === undefined || value === null) return { head: true };
  if (typeof value === 'string') return /^0x[0-9a-f]{64}$/i.test(value) ? { hash: value.toLowerCase() } : tagged(value);
  if (typeof value !== 'object') throw invalid(`${show(value)} names no block`);
  const { blockHash, blockNumber, ...others } = value as Record<string, unknown>;
  const unknown = Object.keys(others).filter((key) => key !== 'requireCanonical');
  if (unknown.length > 0 || (blockHash === undefined) === (blockNumber === undefined)) {
    throw invalid(`${show(value)} names no block: give blockHash or blockNumber`);
  }
  return blockHash === undefined ? tagged(blockNumber) : { hash: bytes(blockHash, 'blockHash', 32) };
}

function tagged(value: unknown): BlockId {
  if (value === 'latest' || value === 'pending') return { head: true };
  if (value === 'safe' || value === 'finalized') {
    throw unsupported(`"${value}" is not known: this node verifies what the sequencer has signed, and L1 has not confirmed it; use "latest"`);
  }
  if (value === 'earliest') return { number: 0n };
  return { number: quantity(value, 'the block number') };
}

/** A number as 0x-hex without leading zeros. */
export function quantity(value: unknown, name: string): bigint {
  if (typeof value !== 'string' || !QUANTITY.test(value)) throw invalid(`${name} is ${show(value)}, not a number as 0x-hex`);
  return BigInt(value);
}

/** 0x-bytes in lower case: of this length, or of any. */
export function bytes(value: unknown, name: string, length?: number): string {
  const isHex = typeof value === 'string' && value.length % 2 === 0 && /^0x[0-9a-f]*$/i.test(value);
  if (!isHex || (length !== undefined && value.length !== 2 + 2 * length)) {
    throw invalid(`${name} is ${show(value)}, not ${length === undefined ? 'bytes' : `${length} bytes`} as 0x-hex`);
  }
  return value.toLowerCase();
}

export function address(value: unknown): string {
  return bytes(value, 'the address', 20);
}

/** A storage slot as 32 bytes: clients send short ones too. */
export function slot(value: unknown): string {
  const isHex = typeof value === 'string' && /^0x[0-9a-f]{0,64}$/i.test(value);
  if (!isHex) throw invalid(`the slot is ${show(value)}, not at most 32 bytes as 0x-hex`);
  return `0x${value.slice(2).toLowerCase().padStart(64, '0')}`;
}

export function flag(value: unknown, name: string): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false;
  throw invalid(`${name} is ${show(value)}, neither true nor false`);
}

export function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}

function show(value: unknown): string {
  const text = JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner)) ?? String(value);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
