// `node follower-alone.js URL`: a follower with the module of this URL. Prints its state, or the error's code.

import { packageDist } from '../../folders.js';

const { createFollower } = await import(new URL('page/index.js', packageDist));

const relays = ['/ip4/127.0.0.1/tcp/9/ws/p2p/16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv'];
try {
  const follower = await createFollower({ chain: 'op-mainnet', relays, wasm: process.argv[2] });
  console.log((await follower.status()).state);
  await follower.stop();
} catch (error) {
  console.log(error.code);
}
