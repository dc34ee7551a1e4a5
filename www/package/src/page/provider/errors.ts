// Errors of the provider, with the codes of EIP-1193 and JSON-RPC, which wallets and libraries know.

import type { PetrelError } from '../../shared/errors.js';

/** Code, and what it says. The positive ones are EIP-1193's, -32602 is JSON-RPC's, the others EIP-1474's. */
export const RpcErrorCode = {
  /** The method is not offered, or its answer could not be proven. */
  unsupported: 4200,
  /** There is no verified block yet. */
  disconnected: 4900,
  invalidParams: -32602,
  /** The block is not in the window of blocks that are kept. */
  notFound: -32001,
  /** No RPC gave an answer that its proof fits, or took a transaction. */
  unavailable: -32002,
} as const;

/** An error of a request. */
export class RpcError extends Error {
  readonly code: number;
  /** Further details, as the RPC that caused it gave them. */
  readonly data: unknown;

  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.name = 'RpcError';
    this.code = code;
    this.data = data;
  }
}

/** The codes of the node's errors; any other is an internal one. */
const CODES: Readonly<Record<string, number>> = {
  bad_request: RpcErrorCode.invalidParams,
  no_block: RpcErrorCode.notFound,
  stopped: RpcErrorCode.disconnected,
  no_answer: RpcErrorCode.disconnected,
  panic: RpcErrorCode.disconnected,
  rpc_failed: RpcErrorCode.unavailable,
  rpc_wrong: RpcErrorCode.unavailable,
};
const INTERNAL = -32603;

/** An error of the node as a provider gives it; of an RPC that answered with an error its code, message and data. */
export function asRpcError(thrown: PetrelError): RpcError {
  const { code, message, data } = (thrown.cause ?? {}) as { code?: unknown; message?: unknown; data?: unknown };
  if (thrown.code !== 'rpc_error') return new RpcError(CODES[thrown.code] ?? INTERNAL, thrown.message);
  if (typeof code !== 'number') return new RpcError(RpcErrorCode.unavailable, thrown.message);
  return new RpcError(code, typeof message === 'string' ? message : thrown.message, data);
}

export function invalid(message: string): RpcError {
  return new RpcError(RpcErrorCode.invalidParams, message);
}

export function unsupported(message: string): RpcError {
  return new RpcError(RpcErrorCode.unsupported, message);
}
