// `createFollower`: a follower of one chain, which has a worker of its own.

import { unlessAborted } from './abort.js';
import { loadChain } from './chains.js';
import type { Block, FollowerEvent } from '../shared/events.js';
import type { Feed } from './feed.js';
import { L1Page } from './l1.js';
import { evidenceOf } from './evidence.js';
import { checkFollowerOptions, type FollowerOptions, type StreamOptions } from './options.js';
import { endWithLast, nodeOf, releaseSoon, startNode, type Common, type Followed } from './start.js';
import type { Status } from '../shared/status.js';
import { indexedDbStore } from './store.js';
import { openThread } from './thread.js';

/** A node that follows a chain. */
export interface Follower extends AsyncDisposable {
  /** Verified blocks from now on, in the order in which they came. Several readers get each their own. */
  blocks(options?: StreamOptions): Feed<Block>;
  /** All events from now on. */
  events(options?: StreamOptions): Feed<FollowerEvent>;
  /**
   * Evidence that the signer signed two blocks of this height, as JSON for `judgeEvidence` and `petrel check`; `null` when two are not
   * among the last signed blocks that are kept.
   */
  evidence(number: number | bigint): Promise<string | null>;
  /** The present state, and why it is not live. Works after the end too; rejects when the follower fails meanwhile. */
  status(): Promise<Status>;
  /** Closes the connections and ends the worker. May be called again. */
  stop(): Promise<void>;
}

/**
 * Starts a follower. It runs in a dedicated worker and redials its relays for as long as it lives.
 *
 * Rejects with a `PetrelError` when the options are wrong or the environment lacks something, and with the signal's
 * reason when that was aborted. Not being connected is no error: `status()` says so.
 */
export async function createFollower(options: FollowerOptions): Promise<Follower> {
  checkFollowerOptions(options);
  options.signal?.throwIfAborted();
  const { chain, relays, signer, l1: given, discover = true, store = indexedDbStore(), signal, worker, wasm } = options;
  const l1 = given === undefined ? undefined : new L1Page(given);
  const rollup = await unlessAborted(rollupOf(chain), signal);
  const thread = await openThread(signal, worker);
  const common: Common = { discover, store, signal, wasm, logger: undefined };
  const followed: Followed = { rollup, signer, l1, relays, otherChains: [] };
  const node = nodeOf(thread, followed, common);
  endWithLast(thread, [node]);
  try {
    await startNode(node, followed, common);
  } catch (thrown) {
    // Ends the worker too.
    await node.stop();
    throw thrown;
  }
  releaseSoon([node]);
  return Object.assign(node, { evidence: (number: number | bigint) => evidenceOf(node, number) });
}

/** The `rollup.json` of a chain that is given by name or id. An object is checked later, by the node. */
function rollupOf(chain: unknown): Promise<unknown> {
  return typeof chain === 'string' || typeof chain === 'number' ? loadChain(chain) : Promise.resolve(chain);
}
