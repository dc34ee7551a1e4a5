/**
 * Follow OP Stack chains' unsafe heads in a browser tab, and trust only each chain's sequencer.
 *
 * ```ts
 * import { createPetrel } from 'petrel';
 *
 * const petrel = await createPetrel({ chains: ['op-mainnet', 8453], relays: ['https://relay.example', 'https://base-relay.example'] });
 * const base = petrel.chain(8453);
 * for await (const { number, hash, signer } of base.blocks()) console.log(number, hash, signer);
 * ```
 *
 * Importing this module touches no global, so it may be imported where pages are rendered; `createPetrel` is for browsers and Node 22.
 */
export { chains, loadChain, type ChainName, type RollupConfig } from './chains.js';
export { createFollower } from './follower.js';
export { createPetrel } from './petrel.js';
export { PetrelError, type ErrorCode } from '../shared/errors.js';
export type { Follower } from './follower.js';
export type { Petrel } from './petrel.js';
export type { Chain } from './chain.js';
export type { ChainRef, ViemChain } from './chain-list.js';
export type { BlockOptions, SendOptions, TransactionOptions, WaitOptions } from './chain-requests.js';
export type { FullBlock, Transaction, TransactionForm, TransactionForms, Withdrawal } from './full-block.js';
export type { Heard } from './listeners.js';
export type { Logger } from './logger.js';
export type { FollowerOptions, NodeOptions, StreamOptions } from './options.js';
export type { ByChain, PetrelOptions } from './petrel-options.js';
export type { Requester, Rpc } from './rpc.js';
export type { Provider, ProviderEvents } from './provider/provider.js';
export { RpcError, RpcErrorCode } from './provider/errors.js';
export type { UpstreamCounts } from './provider/upstream.js';
export type { Inclusion, Place, Sighting } from './transactions.js';
export type { Feed } from './feed.js';
export type { L1Block, L1Options, L1Provider } from './l1.js';
export type { Block, BlockRef, FollowerEvent, Head, Hex, Lie, Peer, Reorg, Tried } from '../shared/events.js';
export type { AnswerFault, MessageFault } from '../shared/faults.js';
export type { Carried, CatchingUp, RelayStatus, SignerSource, State, Status, Traffic } from '../shared/status.js';
export type { KeptBlock } from '../shared/protocol.js';
export { indexedDbStore, type Store } from './store.js';
