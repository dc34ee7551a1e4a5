// An untrusted RPC with its counts. What it answers is only used with a proof, or where the app has named the method.

import { PetrelError } from '../../shared/errors.js';
import { nameOf, request, type Rpc } from '../rpc.js';

/** Counts since the start. */
export interface UpstreamCounts {
  /** The host of its URL, or `the provider`. */
  readonly name: string;
  /** Answers that were used. */
  readonly answers: number;
  /** Answers that their proofs did not fit. */
  readonly lies: number;
  /** Requests without an answer. */
  readonly failures: number;
}

export class Upstream {
  readonly rpc: Rpc;
  readonly name: string;
  answers = 0;
  lies = 0;
  failures = 0;

  constructor(rpc: Rpc) {
    this.rpc = rpc;
    this.name = nameOf(rpc);
  }

  get counts(): UpstreamCounts {
    const { name, answers, lies, failures } = this;
    return { name, answers, lies, failures };
  }

  /** The result of a method. Rejects with a `PetrelError`: `rpc_failed` or `rpc_error`; and with the reason of `ended`. */
  request(method: string, params: readonly unknown[], ended: AbortSignal): Promise<unknown> {
    return this.counted(() => request(this.rpc, method, params, ended));
  }

  /** The result of `ask`; counts when there was no answer. */
  async counted<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (thrown) {
      if (isNoAnswer(thrown)) this.failures += 1;
      throw thrown;
    }
  }
}

/** Whether the RPC gave no answer at all. */
export function isNoAnswer(thrown: unknown): boolean {
  return thrown instanceof PetrelError && thrown.code === 'rpc_failed';
}

/** Whether the RPC answered with an error. */
export function isRefusal(thrown: unknown): thrown is PetrelError {
  return thrown instanceof PetrelError && thrown.code === 'rpc_error';
}
