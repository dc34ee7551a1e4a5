// The options of `createPetrel`, and their check.

import type { ChainRef } from './chain-list.js';
import type { Hex } from '../shared/events.js';
import type { L1Options, L1Provider } from './l1.js';
import type { Logger } from './logger.js';
import { check, NODE, unchecked, type Check, type Checks, type NodeOptions } from './options.js';
import { isRpc, type Rpc } from './rpc.js';

/** A value for each chain, by its id or its name. */
export type ByChain<T> = Readonly<Record<string | number, T>>;

export interface PetrelOptions extends NodeOptions {
  /**
   * The chains to follow, 16 at most: names and ids of `chains()`, viem's chain objects of those ids, and the `rollup.json` of any OP
   * Stack chain.
   */
  readonly chains: readonly ChainRef[];
  /**
   * Relays: the URLs of Petrel daemons' HTTP sides, or multiaddrs with their peer id; a list for each chain, or one list. In one list
   * for several chains each URL is of the chain that its record says; a multiaddr does not say it, so give a list for each chain.
   */
  readonly relays: readonly string[] | ByChain<readonly string[]>;
  /** Who signs a chain's unsafe blocks, by chain: needed for a `rollup.json`, and instead of the preset's when it has changed. */
  readonly signers?: ByChain<Hex>;
  /**
   * Reads the signers from L1, as `l1` of `createFollower` does: one source for all chains, or one for each of some chains. With
   * `share: 'tabs'` it has URLs in `request` and a hash in `header`: functions and providers are those of one tab.
   */
  readonly l1?: L1Options | L1Provider | ByChain<L1Options | L1Provider>;
  /**
   * `'tabs'`: the tabs of this origin that give the same options share one node for each chain, in a `SharedWorker`. Where there is none,
   * each tab has nodes of its own: `status()` says which in `thread`.
   */
  readonly share?: 'tabs';
  /** Gets what happens, as a message and its fields. `console` is one. */
  readonly logger?: Logger;
  /**
   * RPCs that are not trusted: URLs or EIP-1193 providers. Transactions are sent to the first. A list for each chain; one list where there
   * is one chain.
   */
  readonly proofs?: readonly Rpc[] | ByChain<readonly Rpc[]>;
  /** Methods of the provider that are passed to the first of `proofs` although nothing can prove their results (`['eth_call']`). */
  readonly unverified?: readonly string[];
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What is wrong with a list, or with the lists of an object. */
function lists(isItem: (item: unknown) => boolean, what: string): Check {
  const isList = (value: unknown): boolean => Array.isArray(value) && value.every(isItem);
  return (value) => {
    const isGood = isObject(value) ? Object.values(value).every(isList) : isList(value);
    return isGood ? null : `is neither a list of ${what} nor an object with such a list for each chain`;
  };
}

const isText = (item: unknown): boolean => typeof item === 'string' && item !== '';

function logger(value: unknown): string | null {
  if (!isObject(value)) return 'is no logger';
  const writes = ['debug', 'info', 'warn', 'error'].map((level) => (value as Record<string, unknown>)[level]);
  const given = writes.filter((write) => write !== undefined);
  const isGood = given.length > 0 && given.every((write) => typeof write === 'function');
  return isGood ? null : 'has none of debug(), info(), warn() and error(), or one that is no function';
}

const PETREL: Checks<PetrelOptions> = {
  chains: (value) => (Array.isArray(value) ? null : 'is no list'),
  relays: lists((item) => typeof item === 'string', 'URLs and multiaddrs'),
  // The node checks the addresses.
  signers: (value) => (isObject(value) ? null : 'is no object with an address for each chain'),
  // `L1Page` checks it, for each chain.
  l1: unchecked,
  logger,
  share: (value) => (value === 'tabs' ? null : "is not 'tabs'"),
  proofs: lists(isRpc, 'URLs (http:, https:) and EIP-1193 providers'),
  unverified: (value) => (Array.isArray(value) && value.every(isText) ? null : 'is no list of names of methods'),
  ...NODE,
};

/** @throws {PetrelError} `bad_options`. */
export function checkPetrelOptions(options: unknown): void {
  check(options, PETREL);
}
