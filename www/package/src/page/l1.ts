// The option `l1`: who is asked for the signer, and which block of L1 is trusted. Its check, and the answers to the worker's questions.

import { PetrelError, text } from '../shared/errors.js';
import type { Hex } from '../shared/events.js';
import type { L1Config, L1Question } from '../shared/l1.js';
import { suggest } from './suggest.js';

/** An EIP-1193 provider: viem's clients, wallets, Helios. */
export interface L1Provider {
  request(args: { readonly method: string; readonly params?: unknown }): Promise<unknown>;
}

/** A block of L1: its hash, or anything that has its hash, such as a header. */
export type L1Block = Hex | { readonly hash: Hex };

export interface L1Options {
  /**
   * L1 nodes that are asked for the header and the proof, the next one when one fails: URLs of JSON-RPC, or providers. None is trusted:
   * what does not hash to `header` is refused.
   */
  readonly request: string | URL | L1Provider | readonly (string | URL | L1Provider)[];
  /**
   * The block of L1 that is trusted: a function that gives a recent one at each reading, from a client of L1 that verifies, or from a node of
   * the app's own; or the hash of one block, whose signer is then read once.
   */
  readonly header: Hex | (() => L1Block | Promise<L1Block>);
}

const NAMES = ['request', 'header'];
/** How many L1 nodes there may be. */
const MAX_REQUESTS = 8;
/** How many questions to one page may wait for a provider that never answers. */
const MAX_WAITING = 8;
const HASH = /^0x[\da-f]{64}$/i;

/** The option after its check. */
export class L1Page {
  /** What the worker gets. */
  readonly config: L1Config;
  readonly #requests: readonly (string | L1Provider)[];
  readonly #header: L1Options['header'] | null;
  #waiting = 0;

  /** @throws {PetrelError} `bad_l1`. */
  constructor(given: unknown) {
    const isProvider = hasRequest(given) && !('header' in given);
    const options = isProvider ? { request: given, header: null } : optionsOf(given);
    this.#requests = requestsOf(options.request, given);
    this.#header = options.header;
    const header = typeof this.#header === 'string' ? this.#header : null;
    const requests = this.#requests.map((request) => (typeof request === 'string' ? request : null));
    this.config = { requests, header, verifies: isProvider };
  }

  /** Whether there is nothing to ask the page: no provider, and a block that is fixed. */
  get isPlain(): boolean {
    return this.config.header !== null && !this.config.requests.includes(null);
  }

  /** The answer to a question of the worker, as JSON. */
  async answer(question: L1Question): Promise<string> {
    if (this.#waiting >= MAX_WAITING) throw new Error(`${MAX_WAITING} requests before have not been answered`);
    this.#waiting += 1;
    try {
      return await (question.what === 'header' ? this.#trusted() : this.#result(question));
    } finally {
      this.#waiting -= 1;
    }
  }

  async #trusted(): Promise<string> {
    if (typeof this.#header !== 'function') throw new Error('there is no function that names a block');
    const block: unknown = await this.#header();
    const hash: unknown = typeof block === 'object' && block !== null ? (block as { hash?: unknown }).hash : block;
    if (typeof hash !== 'string' || !HASH.test(hash)) throw new Error('it is no hash of 32 bytes');
    return JSON.stringify(hash);
  }

  async #result({ at, method, params, most }: Extract<L1Question, { what: 'request' }>): Promise<string> {
    const provider = this.#requests[at];
    if (provider === undefined || typeof provider === 'string') throw new Error('there is no such provider');
    const json = JSON.stringify((await provider.request({ method, params })) ?? null);
    if (json.length > most) throw new Error(`its answer has more than ${most} characters`);
    return json;
  }
}

/** An error as text that crosses to the worker. */
export function shortText(thrown: unknown): string {
  const { message } = Object(thrown) as { readonly message?: unknown };
  return (typeof message === 'string' ? message : text(thrown)).slice(0, 200);
}

function hasRequest(value: unknown): value is L1Provider {
  return typeof value === 'object' && value !== null && typeof (value as { request?: unknown }).request === 'function';
}

function optionsOf(given: unknown): L1Options {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw bad('it is no object', 'give { request, header }, or an EIP-1193 provider that verifies by itself');
  }
  if (!hasRequest(given)) checkNames(given);
  const { request, header } = given as L1Options;
  if (request === undefined) throw bad('it has no request', 'give `request`: the URL of an L1 node, or a provider');
  const isHeader = typeof header === 'function' || (typeof header === 'string' && HASH.test(header));
  if (!isHeader) {
    throw bad('its header is neither a function nor a hash of 32 bytes', 'give `header`: which block of L1 you trust, by its hash or by a function');
  }
  return { request, header };
}

function checkNames(given: object): void {
  const wrong = Object.keys(given).find((name) => !NAMES.includes(name));
  if (wrong === undefined) return;
  const [similar] = suggest(wrong, NAMES, 1);
  throw bad(`it has no ${JSON.stringify(wrong)}`, similar ? `give ${similar} instead` : `it takes ${NAMES.join(' and ')}`);
}

/** `given` is the option itself: where it has the function `request`, it is called as its method. */
function requestsOf(request: unknown, given: unknown): (string | L1Provider)[] {
  const list: readonly unknown[] = typeof request === 'function' ? [given] : Array.isArray(request) ? request : [request];
  if (list.length === 0 || list.length > MAX_REQUESTS) throw bad(`there are ${list.length} L1 nodes`, `give 1 to ${MAX_REQUESTS}`);
  return list.map((one) => (hasRequest(one) ? one : urlOf(one)));
}

function urlOf(given: unknown): string {
  const remedy = 'give the URL of a JSON-RPC server (https://…), or an EIP-1193 provider';
  if (typeof given !== 'string' && !(given instanceof URL)) throw bad('one of its requests is neither a URL nor a provider', remedy);
  let url: URL;
  try {
    url = new URL(given);
  } catch {
    throw bad('one of its requests is no URL', remedy);
  }
  if (!/^https?:$/.test(url.protocol)) throw bad(`one of its requests has the scheme ${url.protocol}`, remedy);
  if (url.username || url.password) throw bad('one of its requests has a user or password, which fetch refuses', remedy);
  return url.href;
}

function bad(message: string, remedy: string): PetrelError {
  return new PetrelError({ code: 'bad_l1', message: `the option l1 cannot be used: ${message}`, remedy });
}
