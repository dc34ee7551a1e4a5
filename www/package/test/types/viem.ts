// viem on the provider of a chain.

import { createPetrel } from 'petrel';
import { petrel as transport } from 'petrel/viem';
import { createPublicClient, custom } from 'viem';
import { base, optimism } from 'viem/chains';

export async function clients(): Promise<bigint> {
  const node = await createPetrel({ chains: [base, optimism], relays: ['https://relay.example'], proofs: { 10: ['https://rpc.example'] } });
  const client = createPublicClient({ chain: base, transport: transport(node, { retryCount: 0 }) });
  const other = createPublicClient({ chain: optimism, transport: custom(node.chain(optimism).provider) });
  return (await client.getBlockNumber()) + (await other.getBlock()).number;
}
