// The blocks of code in the package's README that need op-geth or an L1: each is run as it is there, in an app of its own that has the
// package, and what it prints is compared with what the devnet says.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';

import { dist } from './steps.js';

// This script runs from a copy, and the package's tests do not.
const { app } = await import(new URL('../test/installed.js', dist));
const { casesOf, filled, linked, started } = await import(new URL('../test/readme.js', dist));

/** The account of the README, which this chain does not have. */
const ADDRESS = '0x4200000000000000000000000000000000000006';

/** Serves L1's newest block at `/l1/head`, as an app's own server does. */
async function headServer(l1) {
  const server = createServer(async (_, response) => {
    const { hash } = await l1('eth_getBlockByNumber', ['latest', false]);
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ hash }));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}/l1/head`, close: () => server.close() };
}

/** What each block prints; an exception where it is not what it should be. */
const cases = ({ chain, relay, rich, geth, gethUrl, l1, l1Url, signer, id }) => {
  const relays = { 'https://relay.example': relay };
  // It has sent nothing yet.
  const compare = async (ours) => {
    assert.equal(ours, BigInt(await geth('eth_getBalance', [rich, 'latest'])));
    return `${ours} wei`;
  };
  return {
    Provider: async (run) => {
      const rpcs = { 'https://rpc.example': gethUrl, 'https://other-rpc.example': gethUrl };
      const printed = await run({ ...relays, ...rpcs, "'base'": JSON.stringify(chain), [ADDRESS]: rich });
      return compare(BigInt(printed));
    },
    'Provider 2': async (run) => {
      const base = `const base = (await import('viem')).defineChain({ id: ${id}, name: 'devnet', nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 }, rpcUrls: { default: { http: [] } } });`;
      const chains = { "import { base } from 'viem/chains';": base, 'chains: [base]': `chains: [${JSON.stringify(chain)}]` };
      const printed = await run({ ...relays, 'https://rpc.example': gethUrl, ...chains, [ADDRESS]: rich });
      return compare(BigInt(printed.replace(/n$/, '')));
    },
    'The signer from L1': async (run) => {
      const head = await headServer(l1);
      const { petrel: _signer, ...unsigned } = chain;
      const rpcs = { 'https://rpc.example': l1Url, 'https://other-rpc.example': l1Url, '/l1/head': head.url };
      try {
        const [number, by, from] = (await run({ ...relays, ...rpcs, "'op-mainnet'": JSON.stringify(unsigned) })).split(' ');
        assert.ok([signer.toLowerCase(), 'null'].includes(by), by);
        assert.equal(from, 'l1');
        return `block ${number}`;
      } finally {
        head.close();
      }
    },
  };
};

/** The blocks of the README, by their names: each is run when its function is called. `end` ends all that was started for them. */
export async function readmeBlocks(devnet) {
  const after = [];
  const t = { after: (end) => after.push(end) };
  const folder = await app(t, dist);
  await linked(folder, ['viem']);
  const steps = (await casesOf('devnet', cases(devnet))).map(([block, check]) => {
    const firstLine = async (replaced) => (await started(t, folder, block, filled(block, replaced))).line();
    return [block.name, () => check(firstLine)];
  });
  const end = async () => {
    for (const step of after.reverse()) await step();
  };
  return { steps, end };
}
