// Starts the node of one chain in a thread: the same for `createFollower` and `createPetrel`.

import { instead, type RollupConfig } from './chains.js';
import { PetrelError, text } from '../shared/errors.js';
import type { L1Page } from './l1.js';
import { KnownChain } from './known-chain.js';
import { Log, type Logger } from './logger.js';
import { Node } from './node.js';
import { PersistedChain } from './persisted-chain.js';
import type { Store } from './store.js';
import type { Thread } from './thread.js';

/** What all nodes of a thread have in common. */
export interface Common {
  readonly discover: boolean;
  readonly store: Store | null;
  readonly signal: AbortSignal | undefined;
  readonly wasm: string | URL | undefined;
  readonly logger: Logger | undefined;
}

/** One chain. Its `rollup.json`, its signer and its relays are as they were given: the node checks them. */
export interface Followed {
  readonly rollup: unknown;
  readonly signer: unknown;
  /** Where the signer is read from L1. */
  readonly l1: L1Page | undefined;
  readonly relays: unknown;
  /** The other chains that the same relays are given for. */
  readonly otherChains: readonly unknown[];
}

/** A node that has not started. */
export function nodeOf(thread: Thread, { rollup, signer, l1 }: Followed, { store, discover, signal, wasm, logger }: Common): Node {
  const known = new KnownChain();
  const persisted = store ? new PersistedChain(store, key(rollup, l1 ? 'l1' : signer), known, discover) : undefined;
  const log = new Log(logger, (rollup as Partial<RollupConfig> | null)?.l2_chain_id);
  return new Node({ thread, known, persisted, l1, signal, wasm: wasm && String(wasm), log });
}

/** Rejects with a `PetrelError`, and with the reason of the signal that stops it. */
export async function startNode(node: Node, { rollup, signer, l1, relays, otherChains }: Followed, { discover, wasm }: Common): Promise<void> {
  const config = { chain: rollup, relays, signer, l1: l1?.config, discover, other_chains: otherChains };
  try {
    const key = json({ ...config, wasm });
    await node.start((restored, restoredRelays) => json({ ...config, restored, restored_relays: restoredRelays }), key);
  } catch (thrown) {
    throw withRemedy(thrown, rollup);
  }
}

/**
 * Gives events to the application from its next task on: in this one it takes streams and adds listeners, and misses nothing of what
 * happened while the nodes started.
 */
export function releaseSoon(nodes: readonly Node[]): void {
  // A timer would be late in a page that is hidden.
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    for (const node of nodes) node.release();
  };
  port2.postMessage(null);
}

/** Ends the thread when the last of these nodes ends. */
export function endWithLast(thread: Thread, nodes: readonly Node[]): void {
  let left = nodes.length;
  const ended = (): void => {
    left -= 1;
    if (left === 0) thread.end();
  };
  for (const { signal } of nodes) signal.addEventListener('abort', ended, { once: true });
}

/** Adds the names of chains to the remedy of a `bad_chain` error: the node does not know them. */
function withRemedy(thrown: unknown, chain: unknown): unknown {
  const isBadObject = thrown instanceof PetrelError && thrown.code === 'bad_chain' && typeof chain === 'object' && chain !== null;
  return isBadObject ? new PetrelError({ code: thrown.code, message: thrown.message, remedy: instead(chain) }, { cause: thrown }) : thrown;
}

/**
 * The key in a store of this chain with this signer, made of the chain's id, its genesis and the signer: the same for a chain that
 * is given by name and one that is given as an object; `l1` for a signer that is read from there. The node refuses an invalid chain or signer later.
 */
function key(chain: unknown, given: unknown): string {
  const { l2_chain_id: id, genesis, petrel } = (chain ?? {}) as Partial<RollupConfig>;
  const signer = given ?? (petrel as { signer?: unknown } | undefined)?.signer;
  return `${String(id)} ${String(genesis?.l2?.hash)} by ${String(signer)}`.toLowerCase();
}

function json(options: unknown): string {
  try {
    return JSON.stringify(options);
  } catch (thrown) {
    const message = `the options are not plain data: ${text(thrown)}`;
    throw new PetrelError({ code: 'bad_options', message, remedy: 'give what JSON can hold; numbers, not bigints' });
  }
}
