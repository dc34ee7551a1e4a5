// Requests to an RPC that is not trusted: the URL of a JSON-RPC server, or an EIP-1193 provider.

import { unlessAborted } from './abort.js';
import { boundedBody } from '../shared/bounded-body.js';
import { PetrelError, text, type PlainError } from '../shared/errors.js';

/** An EIP-1193 provider, as far as it is used. */
export interface Requester {
  request(request: { readonly method: string; readonly params?: readonly unknown[] }): Promise<unknown>;
}

/** The URL of a JSON-RPC server, or an EIP-1193 provider. */
export type Rpc = string | URL | Requester;

/** The RPCs of a chain. */
export interface ChainRpcs {
  /** Asked in this order. */
  readonly proofs: readonly Rpc[];
  /** Methods whose answers are passed through without a proof. */
  readonly unverified: readonly string[];
}

/** How many bytes an answer may have, and how many milliseconds it may take. */
const MAX_BYTES = 64 << 20;
const TIMEOUT = 15_000;

/** The host of its URL, without what may be a secret; `'the provider'` of an object. */
export function nameOf(rpc: Rpc): string {
  return isRequester(rpc) ? 'the provider' : new URL(rpc).host;
}

/** Whether a value is a URL of `http:` or `https:`, or has `request()`. */
export function isRpc(value: unknown): value is Rpc {
  if (typeof value === 'string' || value instanceof URL) return URL.canParse(String(value)) && /^https?:$/.test(new URL(value).protocol);
  return typeof value === 'object' && value !== null && typeof (value as Partial<Requester>).request === 'function';
}

/**
 * The result of a method, of which nothing is verified. Rejects with a `PetrelError`: `rpc_failed` when there is no answer, `rpc_error`
 * when it is an error, with the RPC's own as its `cause`; and with the reason of a signal that is aborted.
 */
export async function request(
  rpc: Rpc,
  method: string,
  params: readonly unknown[],
  ...signals: readonly (AbortSignal | undefined)[]
): Promise<unknown> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(failed(rpc, method, `it did not answer for ${TIMEOUT / 1000} s`)), TIMEOUT);
  const work = isRequester(rpc) ? provided(rpc, method, params) : fetched(rpc, method, params, late.signal);
  try {
    return await unlessAborted(work, ...signals, late.signal);
  } finally {
    clearTimeout(timer);
    // It also ends a request that nobody waits for any more.
    late.abort();
  }
}

async function provided(rpc: Requester, method: string, params: readonly unknown[]): Promise<unknown> {
  try {
    return await rpc.request({ method, params });
  } catch (thrown) {
    throw refused(rpc, method, thrown);
  }
}

async function fetched(rpc: string | URL, method: string, params: readonly unknown[], signal: AbortSignal): Promise<unknown> {
  const answer = await posted(rpc, method, { jsonrpc: '2.0', id: 1, method, params }, signal);
  const { error, result } = (answer ?? {}) as { error?: unknown; result?: unknown };
  if (error !== undefined && error !== null) throw refused(rpc, method, error);
  if (result === undefined) throw failed(rpc, method, 'its answer is no JSON-RPC');
  return result;
}

/** The answer as it was parsed. Servers give a JSON-RPC error with other statuses than 200 too. */
async function posted(rpc: string | URL, method: string, body: object, signal: AbortSignal): Promise<unknown> {
  let status: number | undefined;
  try {
    const headers = { 'content-type': 'application/json' };
    const options: RequestInit = { method: 'POST', headers, credentials: 'omit', referrerPolicy: 'no-referrer', signal };
    const response = await fetch(rpc, { ...options, body: JSON.stringify(body) });
    if (!response.ok) status = response.status;
    const answer = await boundedBody(response, MAX_BYTES);
    if (answer === null) throw failed(rpc, method, `its answer has more than ${MAX_BYTES} bytes`);
    return JSON.parse(answer);
  } catch (thrown) {
    if (thrown instanceof PetrelError) throw thrown;
    throw failed(rpc, method, status === undefined ? text(thrown) : `it answers with status ${status}`, thrown);
  }
}

function isRequester(rpc: Rpc): rpc is Requester {
  return typeof rpc === 'object' && !(rpc instanceof URL);
}

function failed(rpc: Rpc, method: string, why: string, cause?: unknown): PetrelError {
  const message = `${nameOf(rpc)} does not answer ${method}: ${why}`;
  return new PetrelError({ code: 'rpc_failed', message, remedy: 'give an RPC that this device reaches' }, { cause });
}

function refused(rpc: Rpc, method: string, cause: unknown): PetrelError {
  const { message } = (cause ?? {}) as { message?: unknown };
  const why = typeof message === 'string' ? message : 'an error without a message';
  const error: PlainError = { code: 'rpc_error', message: `${nameOf(rpc)} refuses ${method}: ${why}`, remedy: "see the error's cause" };
  return new PetrelError(error, { cause });
}
