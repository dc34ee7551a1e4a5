// An app: imports the package by its name, and follows chains by name and by id. Nothing listens on the relay's port.

import { chains, createFollower, loadChain } from 'petrel';

const relays = ['/ip4/127.0.0.1/tcp/9/ws/p2p/16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv'];

async function status(chain) {
  const follower = await createFollower({ chain, relays, store: null });
  const { chain: followed, state, thread } = await follower.status();
  await follower.stop();
  return { id: followed.id, name: followed.name, intervalMs: followed.intervalMs, state, thread };
}

/** A follower's status for each way to name the chain, and the error of an unknown name. */
export async function follow() {
  const statuses = [];
  for (const chain of ['base-mainnet', 8453, await loadChain('base')]) statuses.push(await status(chain));
  const { code, remedy } = await status('base-manet').catch((error) => error);
  return { chains: chains().length, statuses, code, remedy };
}
