// The options of `createFollower` and of its streams, and the check of options: a misspelt one would have no effect, and nobody would
// notice.

import type { RollupConfig } from './chains.js';
import type { NodeWorker } from '../shared/environment.js';
import { PetrelError } from '../shared/errors.js';
import type { Hex } from '../shared/events.js';
import type { L1Options, L1Provider } from './l1.js';
import type { Store } from './store.js';
import { suggest } from './suggest.js';

/** Where a node runs and what it keeps. */
export interface NodeOptions {
  /**
   * Whether further relays are discovered: those that the records of other relays advertise, and those that an earlier run knew; `true`
   * unless it is given. With `false` this device connects to nobody but the relays that are given, and relays are neither loaded nor saved.
   */
  readonly discover?: boolean;
  /** Saves the latest blocks, so that they outlive a reload: this origin's IndexedDB unless another store is given; `null` saves nothing. */
  readonly store?: Store | null;
  /** Stops it. */
  readonly signal?: AbortSignal;
  /**
   * Starts the worker, where a bundler does not find it by itself: a module worker that runs `petrel/worker`; in Node also a `Worker` of
   * `node:worker_threads`.
   */
  readonly worker?: () => Worker | NodeWorker;
  /** Where the WebAssembly module is, where a bundler does not find it by itself: the URL of `petrel/wasm`. */
  readonly wasm?: string | URL;
}

export interface FollowerOptions extends NodeOptions {
  /**
   * A chain of the package by its name (`'base-mainnet'`, `'base'`) or its chain id (`8453`, `'8453'`): see `chains()`. Or the
   * `rollup.json` of any OP Stack chain, as an object.
   */
  readonly chain: string | number | RollupConfig;
  /**
   * Relays: the URLs of Petrel daemons' HTTP sides (`https://…`), whose signed records have their present addresses; or multiaddrs with
   * their peer id, WebTransport or WebSocket (`/dns4/HOST/tcp/PORT/wss/p2p/PEER`).
   */
  readonly relays: readonly string[];
  /** Who signs the chain's unsafe blocks: needed for a `rollup.json`, and instead of the preset's when it has changed. */
  readonly signer?: Hex;
  /**
   * Reads the signer from the chain's SystemConfig contract on L1, at the start and every few minutes; before the first reading no block is
   * accepted. `{ request, header }`: every answer of `request` is proven against a block that the app trusts. A provider alone: it
   * verifies by itself, and is believed. Instead of `signer`.
   */
  readonly l1?: L1Options | L1Provider;
}

export interface StreamOptions {
  /** Ends this stream; the follower goes on. */
  readonly signal?: AbortSignal;
  /** How many items wait for a slow reader before the oldest are dropped. */
  readonly buffer?: number;
}

/** What is wrong with a value, as text; `null` when nothing is. */
export type Check = (value: unknown) => string | null;
/** Of each option; those that the node checks have no check here. */
export type Checks<T> = { readonly [K in keyof Required<T>]: Check };

export const unchecked: Check = () => null;
export const signal: Check = (value) => (hasMethods(value, ['throwIfAborted', 'addEventListener']) ? null : 'is no AbortSignal');

export const NODE: Checks<NodeOptions> = {
  discover: (value) => (typeof value === 'boolean' ? null : 'is neither true nor false'),
  store: (value) => (value === null || hasMethods(value, ['load', 'save']) ? null : 'has no load() and save()'),
  signal,
  worker: (value) => (typeof value === 'function' ? null : 'is no function'),
  wasm: (value) => (typeof value === 'string' || value instanceof URL ? null : 'is no URL'),
};

const FOLLOWER: Checks<FollowerOptions> = { chain: unchecked, relays: unchecked, signer: unchecked, l1: unchecked, ...NODE };

const STREAM: Checks<StreamOptions> = {
  signal,
  buffer: (value) => (typeof value === 'number' ? null : 'is no number'),
};

/** @throws {PetrelError} `bad_options`. */
export function checkFollowerOptions(options: unknown): void {
  check(options, FOLLOWER);
}

/** @throws {PetrelError} `bad_options`. */
export function checkStreamOptions(options: unknown): void {
  check(options, STREAM);
}

/** @throws {PetrelError} `bad_options`: an option has no check, or its check fails. */
export function check(options: unknown, checks: Readonly<Record<string, Check>>): void {
  const names = Object.keys(checks);
  if (typeof options !== 'object' || options === null) throw bad('the options are no object', `give { ${names.join(', ')} }`);
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (!check) throw unknown(name, names);
    const wrong = value === undefined ? null : check(value);
    if (wrong !== null) throw bad(`the option ${name} ${wrong}`, `correct ${name}, or leave it out`);
  }
}

function unknown(name: string, names: readonly string[]): PetrelError {
  const [similar] = suggest(name, names, 1);
  return bad(`there is no option ${JSON.stringify(name)}`, `${similar ? `give ${similar} instead; ` : ''}the options are ${names.join(', ')}`);
}

export function bad(message: string, remedy: string): PetrelError {
  return new PetrelError({ code: 'bad_options', message, remedy });
}

export function hasMethods(value: unknown, names: readonly string[]): boolean {
  return typeof value === 'object' && value !== null && names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
}
