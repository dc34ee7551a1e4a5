// Errors of the provider, with the codes of EIP-1193 and JSON-RPC, which wallets and libraries know.

/** Code, and what it says. The positive ones are EIP-1193's, -32602 is JSON-RPC's, the others EIP-1474's. */
export const RpcErrorCode = {
  /** The method is not offered, or its answer could not be proven. */
  unsupported: 4200,
  /** There is no verified block yet. */
  disconnected: 4900,
  invalidParams: -32602,
  /** The block is not in the window of blocks that are kept. */
  notFound: -32001,
  /** No RPC gave an answer that its proof fits. */
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

export function invalid(message: string): RpcError {
  return new RpcError(RpcErrorCode.invalidParams, message);
}

export function unsupported(message: string): RpcError {
  return new RpcError(RpcErrorCode.unsupported, message);
}
