// Sends a signed transaction to an RPC. Whether it is in a block is known by gossip, never from the RPC.

import type { ChainSource } from './chain-source.js';
import { PetrelError, text } from '../shared/errors.js';
import type { Hex } from '../shared/events.js';
import { nameOf, request, type Rpc } from './rpc.js';

const METHOD = 'eth_sendRawTransaction';
/** What RPCs say to a transaction that they have: geth, Nethermind and reth. */
const KNOWN = /already known|AlreadyKnown|known transaction|already imported/i;

/**
 * The hash of the transaction, when the RPC has taken it. Rejects with a `PetrelError`: `bad_request` when `raw` is no bytes, `rpc_failed`,
 * `rpc_error`, and `rpc_wrong` when the RPC names another hash than that of these bytes.
 */
export async function sendRaw(source: ChainSource, raw: Hex, rpc: Rpc, signal: AbortSignal | undefined): Promise<Hex> {
  const hash = (await source.call('hashOf', raw)) as Hex;
  let answer: unknown;
  try {
    answer = await request(rpc, METHOD, [raw], signal, source.signal);
  } catch (thrown) {
    // An RPC that has it already, or in a block, refuses it.
    const isRefused = thrown instanceof PetrelError && thrown.code === 'rpc_error';
    if (isRefused && (KNOWN.test(text(thrown)) || (await source.call('transaction', hash)) !== undefined)) return hash;
    throw thrown;
  }
  if (String(answer).toLowerCase() === hash) return hash;
  const message = `${nameOf(rpc)} answers ${METHOD} with ${JSON.stringify(answer)?.slice(0, 100)}; the hash of the transaction is ${hash}`;
  throw new PetrelError({ code: 'rpc_wrong', message, remedy: 'use another RPC; it may have sent the transaction all the same' });
}
