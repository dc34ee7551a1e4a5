// An app: imports the package by its name, and follows chains by name and by id, alone and together. Nothing listens on the relay's port.

import { chains, createFollower, createPetrel, loadChain } from 'petrel';

const relays = ['/ip4/127.0.0.1/tcp/9/ws/p2p/16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv'];

async function status(chain) {
  const follower = await createFollower({ chain, relays, store: null });
  const { chain: followed, state, thread } = await follower.status();
  await follower.stop();
  return { id: followed.id, name: followed.name, intervalMs: followed.intervalMs, state, thread };
}

/** Two chains in one thread: of each its id, its state, and where it runs; they have the memory of one module. */
async function both() {
  const petrel = await createPetrel({ chains: [{ id: 10, name: 'OP Mainnet' }, 8453n], relays, store: null });
  const statuses = await petrel.status();
  await petrel.stop();
  const isShared = new Set(statuses.map(({ moduleBytes }) => moduleBytes)).size === 1;
  return { isShared, statuses: statuses.map(({ chain, state, thread }) => ({ id: chain.id, state, thread })) };
}

/** A follower's status for each way to name the chain, and the error of an unknown name. */
export async function follow() {
  const statuses = [];
  for (const chain of ['base-mainnet', 8453, await loadChain('base')]) statuses.push(await status(chain));
  const { code, remedy } = await status('base-manet').catch((error) => error);
  return { chains: chains().length, statuses, code, remedy, both: await both() };
}
