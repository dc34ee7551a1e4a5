// The blocks of code in the package's README that follow blocks: in Node, with the published package, against daemons.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

import { app } from '../../package/test/installed.js';
import { casesOf, filled, started } from '../../package/test/readme.js';
import { block as emitted, devnet, program, run } from './harness.js';
import { listening } from './network.js';

/** A devnet: its chain as JSON, with its signer, in place of one of the package's chains. */
async function chainOf(t) {
  const { daemon, url } = await devnet(t, ['--block-time', '500ms', '--block-bytes', '5kB']);
  await listening(daemon, '/ws/');
  const { chain, signer } = await (await fetch(new URL('relay.json', url))).json();
  return { daemon, url, signer, chain: JSON.stringify({ ...chain, petrel: { ...chain.petrel, signer } }) };
}

/** The URL of a daemon of OP Mainnet that has no peers. */
async function opMainnet(t) {
  const datadir = await mkdtemp(join(tmpdir(), 'petrel-readme-'));
  t.after(() => rm(datadir, { recursive: true, force: true }));
  const daemon = run(t, program('PETREL_BIN', 'petrel'), [
    ...['node', '--network', 'op-mainnet', '--datadir', datadir, '--p2p.no-discovery', '--p2p.listen.ip=127.0.0.1', '--p2p.listen.tcp=0'],
    ...['--p2p.listen.ws=0', '--http.port=0', '--events=json', '--log.level=info'],
  ]);
  await listening(daemon, '/ws/');
  return daemon.onStderr((line) => /http:\/\/\S+/.exec(line)?.[0]);
}

const CASES = {
  petrel: async (t, block) => {
    const [{ daemon, url, signer, chain }, other] = [await chainOf(t), await opMainnet(t)];
    const replaced = { "'https://relay.example'": `'${other}'`, "'https://base-relay.example'": `'${url}'`, 8453: chain };
    const { line } = await started(t, await app(t), block, filled(block, replaced));
    // The first blocks may be fetched ones, which no signature came with.
    for (let by = 'null'; by === 'null'; ) {
      const [, number, hash, signed] = /^(\d+) (0x\w+) signed by (\w+), delay -?\d+ ms$/.exec(await line());
      assert.equal(hash, (await emitted(daemon, Number(number))).hash);
      by = signed;
      assert.ok(by === 'null' || by === signer.toLowerCase(), by);
    }
  },
  createFollower: async (t, block) => {
    const { daemon, url, chain } = await chainOf(t);
    const { line } = await started(t, await app(t), block, filled(block, { 'https://relay.example': url, "'op-mainnet'": chain }));
    const [number, hash] = (await line()).split(' ');
    assert.equal(hash, (await emitted(daemon, Number(number))).hash);
  },
};

for (const [block, run] of await casesOf('browser', CASES)) {
  test(`the block below "${block.name}" runs`, { timeout: 120_000 }, (t) => run(t, block));
}
