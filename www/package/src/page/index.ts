/**
 * Follow an OP Stack chain's unsafe head in a browser tab, and trust only the chain's sequencer.
 *
 * ```ts
 * import { createFollower } from 'petrel';
 *
 * const follower = await createFollower({ chain: 'op-mainnet', relays: ['https://relay.example'] });
 * for await (const block of follower.blocks()) console.log(block.number, block.hash, block.signer);
 * ```
 *
 * Importing this module touches no global, so it may be imported on a server; `createFollower` is for the browser.
 */
export { chains, loadChain, type ChainName, type RollupConfig } from './chains.js';
export { createFollower } from './follower.js';
export { PetrelError, type ErrorCode } from '../shared/errors.js';
export type { Follower } from './follower.js';
export type { FollowerOptions, StreamOptions } from './options.js';
export type { Feed } from './feed.js';
export type { Block, BlockRef, FollowerEvent, Hex, Peer, Tried } from '../shared/events.js';
export type { AnswerFault, MessageFault } from '../shared/faults.js';
export type { Carried, CatchingUp, RelayStatus, State, Status, Traffic } from '../shared/status.js';
export type { KeptBlock } from '../shared/protocol.js';
export { indexedDbStore, type Store } from './store.js';
