// One L1 node that is asked over JSON-RPC: at a URL from here, or by the page through a provider of the app. Its answers are bounded
// before they are parsed, and nothing in them is believed here.

import { boundedBody } from '../shared/bounded-body.js';
import { text, type PlainError } from '../shared/errors.js';
import { L1_TIMEOUT, type L1Question } from '../shared/l1.js';

/** What this file needs from outside. */
export interface L1RpcHost {
  fetch(url: string, options: RequestInit): Promise<Response>;
  /** The page's answer, as JSON. */
  ask(question: L1Question): Promise<string>;
}

/** The node answers with an error of JSON-RPC. */
export class L1Refusal extends Error {}

/** Characters of an error of a node that are shown. */
const MAX_ERROR = 200;

export class L1Rpc {
  readonly #host: L1RpcHost;
  readonly #url: string | null;
  readonly #at: number;

  /** `url` is `null` for the page's provider in the place `at`. */
  constructor(url: string | null, at: number, host: L1RpcHost) {
    this.#host = host;
    this.#url = url;
    this.#at = at;
  }

  /** Who it is; a URL may contain a secret and is shown without its path. */
  get name(): string {
    return this.#url === null ? `provider ${this.#at + 1}` : new URL(this.#url).origin;
  }

  /**
   * The result of a method, an answer of `most` bytes at most. Throws a `PlainError` (`no_l1`), or an `L1Refusal`.
   */
  async call(method: string, params: readonly unknown[], most: number): Promise<unknown> {
    const result = await (this.#url === null ? this.#ask(method, params, most) : this.#fetch(this.#url, method, params, most));
    if (result === undefined || result === null) throw noL1(`it has no result for ${method}`);
    return result;
  }

  async #ask(method: string, params: readonly unknown[], most: number): Promise<unknown> {
    let json: string;
    try {
      json = await this.#host.ask({ what: 'request', at: this.#at, method, params, most });
    } catch (thrown) {
      throw new L1Refusal(`it refuses ${method}: ${text(thrown)}`);
    }
    return parsed(method, json);
  }

  async #fetch(url: string, method: string, params: readonly unknown[], most: number): Promise<unknown> {
    const options: RequestInit = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
      referrerPolicy: 'no-referrer',
      signal: AbortSignal.timeout(L1_TIMEOUT),
    };
    let body: string | null;
    let status: number;
    try {
      const response = await this.#host.fetch(url, options);
      status = response.status;
      body = await boundedBody(response, most);
    } catch (thrown) {
      throw noL1(`it does not answer ${method}: ${text(thrown)}`);
    }
    if (body === null) throw noL1(`its answer to ${method} has more than ${most} bytes`);
    // Some nodes send JSON-RPC's errors with a status of their own.
    if (status !== 200 && !body.startsWith('{')) throw noL1(`it answers ${method} with status ${status}`);
    const { result, error } = Object(parsed(method, body)) as { readonly result?: unknown; readonly error?: unknown };
    if (error !== undefined && error !== null) throw new L1Refusal(`it refuses ${method}: ${messageOf(error)}`);
    return result;
  }
}

function parsed(method: string, json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw noL1(`its answer to ${method} is no JSON`);
  }
}

function messageOf(error: unknown): string {
  const { message } = Object(error) as { readonly message?: unknown };
  return String(typeof message === 'string' ? message : JSON.stringify(error)).slice(0, MAX_ERROR);
}

/** An L1 node that does not answer, or not as it should. */
export function noL1(message: string): PlainError {
  return { code: 'no_l1', message, remedy: 'give another `request`: an L1 node that this device reaches and that has eth_getProof' };
}
