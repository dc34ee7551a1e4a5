// Calls of the page to the node: questions about the blocks that it keeps, and proofs to check.

import type { PlainError } from '../shared/errors.js';
import { METHODS, type Method } from '../shared/protocol.js';
import type { Module } from './module.js';
import type { Client } from './petrel_wasm.js';

/** These methods of the node and of the module: text in, text out; `undefined` where there is no such thing. They throw a `PlainError`. */
type Asked = Readonly<Record<Method, (...args: readonly string[]) => string | undefined>>;

/** How many arguments each of them has. */
const ARGUMENTS: Readonly<Record<Method, number>> = { block: 2, transaction: 1, receipts: 2, logs: 2, matching: 1, account: 4, window: 0, evidence: 1, hashOf: 1 };

/**
 * The result of a method.
 *
 * @throws {PlainError} The method's own, or `bad_request`.
 */
export function called(module: Module, node: Client, method: string, args: readonly string[]): string | undefined {
  const known = METHODS.find((known) => known === method);
  if (!known) throw bad(`there is no method ${JSON.stringify(method)}`, `the methods are ${METHODS.join(', ')}`);
  const areText = Array.isArray(args) && args.every((arg) => typeof arg === 'string');
  if (!areText || args.length !== ARGUMENTS[known]) throw bad(`${known} takes ${ARGUMENTS[known]} arguments of text`, 'give them');
  const owner = (known === 'hashOf' ? module : node) as unknown as Asked;
  return owner[known](...args);
}

function bad(message: string, remedy: string): PlainError {
  return { code: 'bad_request', message, remedy };
}
