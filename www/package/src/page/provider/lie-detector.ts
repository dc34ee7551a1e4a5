// Asks untrusted RPCs one after the other until the answer of one fits its proof. An answer that does not fit is an event with its
// evidence.

import { PetrelError } from '../../shared/errors.js';
import type { Hex, Lie } from '../../shared/events.js';
import type { Rpc } from '../rpc.js';
import type { ChainSource } from '../chain-source.js';
import { sendRaw } from '../send.js';
import { RpcError, RpcErrorCode, unsupported } from './errors.js';
import { isNoAnswer, isRefusal, Upstream, type UpstreamCounts } from './upstream.js';

/** An RPC follows the chain a moment later than gossip: what it does not know yet is asked again after so many milliseconds. */
const RETRY = [100, 200, 400, 800, 1_600, 3_200];
/** The part of an error's message that says that a block is unknown: op-geth, op-reth, Nethermind, Erigon. */
const UNKNOWN_BLOCK = /(header|block|state|resource).*(not found|not available|unknown)|unknown (block|header)|missing trie node/i;

/** A request whose answer can be proven. */
export interface Provable<T> {
  readonly method: string;
  readonly params: readonly unknown[];
  /** The hash of the block that the proof is checked with. */
  readonly block: string;
  /** What the answer proves. Throws a `PetrelError` of the code `bad_proof` when it proves nothing. */
  prove(answer: unknown): Promise<T>;
}

export class LieDetector {
  readonly #upstreams: readonly Upstream[];
  readonly #onLie: (lie: Lie) => void;
  readonly #ended: AbortSignal;

  constructor(rpcs: readonly Rpc[], ended: AbortSignal, onLie: (lie: Lie) => void) {
    this.#upstreams = rpcs.map((rpc) => new Upstream(rpc));
    this.#ended = ended;
    this.#onLie = onLie;
  }

  /** Each RPC, and how often it lied. */
  get counts(): readonly UpstreamCounts[] {
    return this.#upstreams.map(({ counts }) => counts);
  }

  /** What the first answer proves that fits. Rejects with an `RpcError` when none does. */
  async proven<T>(request: Provable<T>): Promise<T> {
    this.#needed(request.method);
    const reasons: string[] = [];
    for (const upstream of this.#upstreams) {
      try {
        const found = await this.#proof(upstream, request);
        if (found) return found.value;
        reasons.push(`${upstream.name}: the proof does not fit`);
      } catch (thrown) {
        if (!isRefusal(thrown) && !isNoAnswer(thrown)) throw thrown;
        reasons.push((thrown as Error).message);
      }
    }
    throw new RpcError(RpcErrorCode.unavailable, `no RPC has proven ${request.method}: ${reasons.join('; ')}`);
  }

  /** The first answer, without a proof. */
  unproven(method: string, params: readonly unknown[]): Promise<unknown> {
    return this.#first(method, (upstream) => upstream.request(method, params, this.#ended));
  }

  /** Sends a signed transaction to the first RPC that answers; its hash, which is computed here. */
  send(source: ChainSource, raw: Hex): Promise<Hex> {
    return this.#first('eth_sendRawTransaction', (upstream) => upstream.counted(() => sendRaw(source, raw, upstream.rpc, undefined)));
  }

  async #first<T>(method: string, ask: (upstream: Upstream) => Promise<T>): Promise<T> {
    this.#needed(method);
    let last: unknown;
    for (const upstream of this.#upstreams) {
      try {
        const answer = await ask(upstream);
        upstream.answers += 1;
        return answer;
      } catch (thrown) {
        last = thrown;
        // An error that the RPC itself gives is an answer: a reverted call reverts everywhere.
        if (!isNoAnswer(thrown)) break;
      }
    }
    throw last;
  }

  #needed(method: string): void {
    if (this.#upstreams.length === 0) throw unsupported(`${method} needs an RPC that gives proofs: give its URL in the option \`proofs\``);
  }

  /** What the answer proves; `undefined` when it is a lie. */
  async #proof<T>(upstream: Upstream, request: Provable<T>): Promise<{ readonly value: T } | undefined> {
    const { method, params, block } = request;
    const answer = await this.#answer(upstream, method, params);
    try {
      const value = await request.prove(answer);
      upstream.answers += 1;
      return { value };
    } catch (thrown) {
      if (!(thrown instanceof PetrelError && thrown.code === 'bad_proof')) throw thrown;
      upstream.lies += 1;
      this.#onLie({ rpc: upstream.name, method, params, block, message: thrown.message, answer });
      return undefined;
    }
  }

  /** The answer; asks again while the RPC does not know the block yet. */
  async #answer(upstream: Upstream, method: string, params: readonly unknown[]): Promise<unknown> {
    for (const delay of RETRY) {
      try {
        const answer = await upstream.request(method, params, this.#ended);
        if (answer !== null) return answer;
      } catch (thrown) {
        if (!isRefusal(thrown) || !UNKNOWN_BLOCK.test(thrown.message)) throw thrown;
      }
      await sleep(delay, this.#ended);
    }
    throw new PetrelError({ code: 'rpc_error', message: `${upstream.name} does not know the block ${method} is about`, remedy: 'use another RPC' });
  }
}

function sleep(millis: number, ended: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (ended.aborted) return reject(ended.reason);
    const abort = (): void => {
      clearTimeout(timer);
      reject(ended.reason);
    };
    const timer = setTimeout(() => {
      ended.removeEventListener('abort', abort);
      resolve();
    }, millis);
    ended.addEventListener('abort', abort, { once: true });
  });
}
