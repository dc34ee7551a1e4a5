// Every error of this package: a code for programs, a message and a remedy for people. Codes are stable.

export type ErrorCode =
  // The options, as the node checks them.
  | 'bad_options'
  | 'unknown_chain'
  | 'bad_chain'
  | 'bad_signer'
  | 'no_signer'
  | 'bad_relay'
  | 'no_relay'
  // An RPC server: none is given, it does not answer, it answers with an error, or what it says is proven wrong.
  | 'no_rpc'
  | 'rpc_failed'
  | 'rpc_error'
  | 'rpc_wrong'
  // The record of a relay.
  | 'no_record'
  | 'bad_record'
  | 'forged_record'
  | 'foreign_record'
  | 'expired_record'
  // The signer's reading from L1: the option; no answer; another chain; no block that is trusted, or one that does not hash to it, is older
  // than the last one or in the future; no contract; no signer. And `bad_proof`, below.
  | 'bad_l1'
  | 'no_l1'
  | 'wrong_l1'
  | 'no_header'
  | 'bad_header'
  | 'old_header'
  | 'future_header'
  | 'no_contract'
  | 'no_l1_signer'
  // A question about a block: its arguments, a block that is not kept, an answer of an RPC server that its proof does not bear out.
  | 'bad_request'
  | 'no_block'
  | 'bad_proof'
  // The environment.
  | 'no_random'
  | 'no_wasm'
  | 'no_websocket'
  // The node: it was stopped, it did not start, its worker does not answer any more, or it has a defect and has ended.
  | 'stopped'
  | 'not_started'
  | 'no_answer'
  | 'panic';

/** An error as a plain object: what a worker can send. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
}

/** An error with a stable code and a remedy. */
export class PetrelError extends Error implements PlainError {
  readonly code: ErrorCode;
  /** What to do about it, as text. */
  readonly remedy: string;

  constructor({ code, message, remedy }: PlainError, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PetrelError';
    this.code = code;
    this.remedy = remedy;
  }
}

/** Whether something that was thrown is an error of the node. */
export function isPlainError(thrown: unknown): thrown is PlainError {
  return typeof thrown === 'object' && thrown !== null && 'code' in thrown && 'message' in thrown && 'remedy' in thrown;
}

/** The text of anything that was thrown. */
export function text(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The error for a trap or an exception that the node did not report itself. */
export function defect(thrown: unknown): PlainError {
  return {
    code: 'panic',
    message: `the node failed because of a defect: ${text(thrown)}`,
    remedy: 'create a new follower; please report the message',
  };
}
