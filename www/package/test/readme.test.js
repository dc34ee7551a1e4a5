// The blocks of code in the package's README: each is run by a test, those in TypeScript have types, and those that need no daemon are run
// here.

import assert from 'node:assert/strict';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';

import { app } from './installed.js';
import { blocks, casesOf, compiled, filled, linked, RUN_BY, started, vectors } from './readme.js';

const LIMIT = { timeout: 300_000 };

test('a test runs each block of the README', async () => {
  const all = await blocks();
  assert.deepEqual(all.map(({ name }) => name).sort(), Object.keys(RUN_BY).sort());
  for (const { name, language } of all) assert.match(language, /^(ts|js)$/, `${name}: a language that no test can run`);
});

test('each block in TypeScript compiles as it is written', LIMIT, async (t) => {
  const folder = await app(t);
  await linked(folder, ['viem', 'abitype', 'ox']);
  const options = { target: 'es2022', module: 'nodenext', lib: ['es2022', 'dom'], types: [], strict: true, noEmit: true, skipLibCheck: false };
  const files = [];
  for (const { name, language, text } of await blocks()) {
    if (language !== 'ts') continue;
    files.push(`${name.replaceAll(' ', '-')}.ts`);
    await writeFile(join(folder, files.at(-1)), text);
  }
  assert.equal(await compiled(folder, options, files), '');
  const wrong = (await readFile(join(folder, files[0]), 'utf8')).replace('relays:', 'relay:');
  await writeFile(join(folder, files[0]), wrong);
  assert.match(await compiled(folder, options, files), /relay/, 'a block that is wrong is found');
});

const json = async (path) => JSON.parse(await readFile(vectors(path), 'utf8'));

const CASES = {
  /** The last message that op-node signed, and evidence of the tests. */
  'Verify without a node': async (t, block) => {
    const folder = await app(t);
    const { messages } = await json('gossip/op-node-devnet/index.json');
    const { file, number, hash } = messages.at(-1);
    await copyFile(vectors('gossip/op-node-devnet/rollup.json'), join(folder, 'rollup.json'));
    await copyFile(vectors(`gossip/op-node-devnet/${file}`), join(folder, 'message.snappy'));
    const { files } = await json('evidence/index.json');
    const good = files.find(({ report }) => report.verdict === 'accept');
    await copyFile(vectors(`evidence/${good.file}`), join(folder, 'evidence.json'));
    // The evidence of the tests is signed by a key of theirs.
    const { line, ended } = await started(t, folder, block, filled(block, { '{ chain: 10 }': `{ chain: 10, signer: '${good.report.signer}' }` }));
    assert.equal(await line(), `accept ${number} ${hash}`);
    assert.equal(await line(), 'accept null');
    assert.equal(await ended, 0);
  },
};

for (const [block, run] of await casesOf('npm', CASES)) {
  test(`the block below "${block.name}" runs`, LIMIT, (t) => run(t, block));
}
