// `node --experimental-websocket node.js --topic T --protocol P [--listen MULTIADDR]`: the host of peer.js in Node. It reads one
// command per line from standard input, writes one event per line to standard output, and exits at the end of its input.

import { readFile, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

// js-libp2p requires Node 22, which has this function.
Promise.withResolvers ??= function withResolvers() {
  const made = {};
  made.promise = new this((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
};

const { tcp } = await import('@libp2p/tcp');
const { webSockets } = await import('@libp2p/websockets');
const { start } = await import('./peer.js');

const options = { topic: { type: 'string' }, protocol: { type: 'string' }, listen: { type: 'string' } };
const { values } = parseArgs({ options });
const execute = await start({
  ...values,
  transports: [tcp(), webSockets()],
  files: { load: async (file) => new Uint8Array(await readFile(file)), save: writeFile },
  emit: (event) => console.log(JSON.stringify(event)),
});
createInterface({ input: process.stdin })
  .on('line', (line) => execute(JSON.parse(line)))
  .on('close', () => process.exit(0));
