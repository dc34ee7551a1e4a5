// `createPetrel`: the chains of an application, all in one worker with one WebAssembly module.

import { unlessAborted } from './abort.js';
import { Chain } from './chain.js';
import { ChainNames, MAX_CHAINS, rollupOf, type ChainRef } from './chain-list.js';
import { PetrelError } from '../shared/errors.js';
import { L1Page, type L1Options, type L1Provider } from './l1.js';
import type { Node } from './node.js';
import { bad } from './options.js';
import { checkPetrelOptions, type ByChain, type PetrelOptions } from './petrel-options.js';
import type { Rpc } from './rpc.js';
import { endWithLast, nodeOf, releaseSoon, startNode, type Common, type Followed } from './start.js';
import type { Status } from '../shared/status.js';
import { indexedDbStore } from './store.js';
import { openSharedThread, openThread } from './thread.js';

/** Chains that are followed. */
export interface Petrel extends AsyncDisposable {
  /** In the order in which they were given. */
  readonly chains: readonly Chain[];
  /**
   * One of them, by its id, a name, or the object that it was given as.
   *
   * @throws {PetrelError} `unknown_chain`: it is none of them.
   */
  chain(chain: ChainRef): Chain;
  /** The state of each chain, in the order of `chains`. Works after the end too. */
  status(): Promise<readonly Status[]>;
  /** Closes all connections and ends the worker. May be called again. */
  stop(): Promise<void>;
}

/**
 * Follows chains, each with a node of its own in one worker, which redials its relays for as long as it lives.
 *
 * Rejects with a `PetrelError` when the options are wrong or the environment lacks something, and with the signal's reason when that
 * was aborted; then no chain is followed. Not being connected is no error: `status()` says so.
 */
export async function createPetrel(options: PetrelOptions): Promise<Petrel> {
  checkPetrelOptions(options);
  options.signal?.throwIfAborted();
  const { chains: refs = [], discover = true, store = indexedDbStore(), signal, worker, wasm, logger } = options;
  if (refs.length === 0 || refs.length > MAX_CHAINS) throw bad(`there are ${refs.length} chains`, `give from 1 to ${MAX_CHAINS} chains`);
  const rollups = await unlessAborted(Promise.all(refs.map(rollupOf)), signal);
  const names = new ChainNames(rollups);
  const followed = followedOf(options, rollups, names);
  const proofs = proofsOf(options, names);
  const common: Common = { discover, store, signal, wasm, logger };
  const thread = await (options.share === 'tabs' ? openSharedThread : openThread)(signal, worker);
  const nodes = followed.map((chain) => nodeOf(thread, chain, common));
  endWithLast(thread, nodes);
  try {
    const start = (node: Node, at: number): Promise<void> => startNode(node, followed[at] as Followed, common);
    await Promise.all(nodes.map((node, at) => start(node, at).catch((thrown) => fail(thrown, rollups, at))));
  } catch (thrown) {
    await Promise.all(nodes.map((node) => node.stop()));
    throw thrown;
  }
  const chains = nodes.map((node, at) => new Chain(node, { proofs: proofs[at] ?? [], unverified: options.unverified ?? [] }));
  releaseSoon(nodes);
  return petrelOf(chains, names, nodes);
}

function petrelOf(chains: readonly Chain[], names: ChainNames, nodes: readonly Node[]): Petrel {
  const stop = async (): Promise<void> => void (await Promise.all(nodes.map((node) => node.stop())));
  return {
    chains,
    chain: (chain) => {
      const found = chains[names.indexOf(chain)];
      if (!found) throw names.unknown(chain);
      return found;
    },
    // One that fails meanwhile has a status after it has failed.
    status: () => Promise.all(nodes.map((node) => node.status().catch(() => node.status()))),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** What each chain's node gets. */
function followedOf({ relays, signers = {}, l1, share }: PetrelOptions, rollups: readonly unknown[], names: ChainNames): Followed[] {
  const signerOf = names.each('signers', signers);
  const isOneList = Array.isArray(relays) || relays === undefined;
  const relaysOf = isOneList ? rollups.map(() => relays) : names.each('relays', relays as Readonly<Record<string, readonly string[]>>);
  const sources = isByChain(l1) ? names.each('l1', l1) : rollups.map(() => l1);
  return rollups.map((rollup, at) => ({
    rollup,
    signer: signerOf[at],
    l1: l1Of(sources[at], share),
    relays: relaysOf[at] ?? [],
    otherChains: isOneList ? rollups.filter((_, other) => other !== at) : [],
  }));
}

/** Whether it has a source for each chain, and is not one. */
function isByChain(l1: PetrelOptions['l1']): l1 is ByChain<L1Options | L1Provider> {
  const isObject = typeof l1 === 'object' && l1 !== null && !Array.isArray(l1);
  return isObject && !('request' in l1) && !('header' in l1) && Object.keys(l1).length > 0;
}

/** One for each chain: each bounds its own questions. A node that tabs share must not wait for one of them. */
function l1Of(source: unknown, share: PetrelOptions['share']): L1Page | undefined {
  if (source === undefined) return undefined;
  const page = new L1Page(source);
  if (share === undefined || page.isPlain) return page;
  const remedy = "with share: 'tabs' give URLs in request, and the hash of a block in header";
  throw bad('the option l1 has a function or a provider, which is that of one tab, and the tabs share a node', remedy);
}

function proofsOf({ proofs = [] }: PetrelOptions, names: ChainNames): readonly (readonly Rpc[] | undefined)[] {
  if (!Array.isArray(proofs)) return names.each('proofs', proofs as Readonly<Record<string, readonly Rpc[]>>);
  if (proofs.length > 0 && names.size > 1) {
    const remedy = 'give a list for each chain: { 10: [url], 8453: [url] }';
    throw bad('the option proofs is one list for several chains, and an RPC server is of one chain', remedy);
  }
  return [proofs as readonly Rpc[]];
}

/** Where there are several chains the error says which one it is. */
function fail(thrown: unknown, rollups: readonly unknown[], at: number): never {
  if (!(thrown instanceof PetrelError) || rollups.length === 1) throw thrown;
  const { l2_chain_id: id } = (rollups[at] ?? {}) as { l2_chain_id?: unknown };
  const { code, message, remedy } = thrown;
  const which = id === undefined ? `number ${at + 1}` : String(id);
  throw new PetrelError({ code, message: `chain ${which}: ${message}`, remedy }, { cause: thrown });
}
