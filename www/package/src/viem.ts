// The sub-path `petrel/viem`: a transport of viem that asks the verifying provider of a chain.

import { custom, type CustomTransport, type CustomTransportConfig } from 'viem';

import { PetrelError } from './shared/errors.js';
import type { Petrel } from './page/petrel.js';

/**
 * The transport of a node for `createPublicClient({ chain, transport: petrel(node) })`: the chain of the client, which the node has
 * to follow. A client without a chain gets the node's only one.
 */
export function petrel(node: Petrel, config?: CustomTransportConfig): CustomTransport {
  return (options) => custom(providerOf(node, options.chain?.id), config)(options);
}

function providerOf(node: Petrel, id: number | undefined): Parameters<typeof custom>[0] {
  const [first, ...others] = node.chains;
  if (id !== undefined) return node.chain(id).provider;
  if (first && others.length === 0) return first.provider;
  throw new PetrelError({ code: 'bad_options', message: 'the client has no chain, and the node follows several', remedy: 'give the client its chain' });
}
