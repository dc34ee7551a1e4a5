// `node --experimental-websocket node.js --topic T --protocol P [--listen MULTIADDR]`: the host of peer.js in Node. One
// command a line on standard input, one event a line on standard output; it ends with its input.

import { readFile, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

// js-libp2p wants Node 22, which has it.
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
const obey = await start({
  ...values,
  transports: [tcp(), webSockets()],
  files: { load: async (file) => new Uint8Array(await readFile(file)), save: writeFile },
  tell: (event) => console.log(JSON.stringify(event)),
});
createInterface({ input: process.stdin })
  .on('line', (line) => obey(JSON.parse(line)))
  .on('close', () => process.exit(0));
