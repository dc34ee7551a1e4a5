// A wallet in Node on the devnet of op-node and op-geth: it follows the chain by a Petrel relay alone, and reads state by an RPC that
// lies and by op-geth's. Arguments: the relay's URL, op-geth's URL, the signer, the file of rollup.json, the key of a rich account, the
// address of the contract, L1's URL. PETREL_PACKAGE is the folder of the built package.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { createWalletClient, defineChain, http, keccak256 } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

import { compare } from './answers.js';
import { ethers, ping, viem, wagmi } from './libraries.js';
import { liar, LIES } from './liar.js';
import { openWallet } from './page.js';
import { readmeBlocks } from './readme.js';
import { dist, done, step, until } from './steps.js';

const { createPetrel } = await import(new URL('page/index.js', dist));
const [relay, gethUrl, signer, file, key, contract, l1Url] = process.argv.slice(2);
const rollup = JSON.parse(await readFile(file, 'utf8'));
const chain = defineChain({ id: rollup.l2_chain_id, name: 'devnet', nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 }, rpcUrls: { default: { http: [gethUrl] } } });
const account = privateKeyToAccount(key);
const rich = account.address;
const wallet = createWalletClient({ account, chain, transport: http() });
const lying = await liar(gethUrl);

const asks = (url, name) => async (method, params) => {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const { result, error } = await (await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).json();
  if (error) throw new Error(`${name}: ${method}: ${error.message}`);
  return result;
};
const geth = asks(gethUrl, 'op-geth');
const l1 = asks(l1Url, 'L1');
const send = async (transaction) => wallet.sendTransaction({ gas: 200_000n, ...transaction });
/** Waits until op-geth has this block: it is behind gossip. */
const inserted = (hash) => until(async () => ((await geth('eth_getBlockByHash', [hash, false])) ? true : undefined), `block ${hash} in op-geth`);

const options = { chains: [rollup], signers: { [rollup.l2_chain_id]: signer }, relays: [relay], proofs: [lying.url, gethUrl], unverified: ['eth_call'], store: null };
const node = await createPetrel(options);
const followed = node.chain(rollup.l2_chain_id);
const { provider } = followed;

// While L1 answers: it is stopped for a while later.
const signed = { ...rollup, petrel: { ...rollup.petrel, signer } };
const devnet = { chain: signed, relay, rich, geth, gethUrl, l1, l1Url, signer, id: rollup.l2_chain_id };
const readme = await readmeBlocks(devnet);
for (const [name, run] of readme.steps) await step(`the README's block below "${name}"`, run);
await readme.end();

await step('the first verified block', async () => (await followed.nextBlock()).number);

await step('a transaction is signed before its receipt', async () => {
  const raw = await account.signTransaction(await wallet.prepareTransactionRequest({ account, to: contract, data: ping(1n), gas: 200_000n }));
  const begin = performance.now();
  const polled = (async () => {
    const hash = await geth('eth_sendRawTransaction', [raw]);
    await until(() => geth('eth_getTransactionReceipt', [hash]).then((receipt) => receipt ?? undefined), 'the receipt', 20_000);
    return performance.now() - begin;
  })();
  const hash = keccak256(raw);
  const { block, state } = await followed.waitForTransaction(hash);
  const signedMs = performance.now() - begin;
  assert.equal(state, 'signed');
  const receipt = await provider.request({ method: 'eth_getTransactionReceipt', params: [hash] });
  assert.equal(receipt.status, '0x1');
  assert.equal(receipt.logs.length, 1);
  return { block: block.number, signedMs: Math.round(signedMs), receiptPollMs: Math.round(await polled) };
});

/** Compares so many blocks, of which the first is not before `since` (Unix seconds). */
async function compared(count, since = 0) {
  let [blocks, answers] = [0, 0];
  for await (const { number, hash, timestamp } of followed.blocks()) {
    if (timestamp < since) continue;
    await inserted(hash);
    answers += await compare(provider, geth, { number, hash }, { rich, contract });
    blocks += 1;
    if (blocks % 2 === 0) await send({ to: contract, data: ping(BigInt(number)) });
    if (blocks >= count) return `${answers} answers at ${count} blocks, the last is ${number}`;
  }
  throw new Error('there are no more blocks');
}

await step('every method answers as op-geth does', () => compared(12));

const questions = {
  eth_getProof: (hash) => ['eth_getStorageAt', [contract, '0x0', { blockHash: hash }]],
  eth_getCode: (hash) => ['eth_getCode', [contract, { blockHash: hash }]],
  eth_getBlockReceipts: (hash) => ['eth_getBlockReceipts', [hash]],
};
for (const [lie, [method]] of Object.entries(LIES)) {
  await step(`an RPC that lies: ${lie}`, async () => {
    const { block } = await followed.waitForTransaction(await send({ to: contract, data: ping(2n) }));
    await inserted(block.hash);
    // Code that was proven is kept: another node asks for it.
    const fresh = method === 'eth_getCode' ? await createPetrel(options) : node;
    const told = [];
    const stop = fresh.chain(rollup.l2_chain_id).on('event', (event) => event.event === 'rpc_lied' && told.push(event));
    const { hash } = fresh === node ? block : await fresh.chain(rollup.l2_chain_id).nextBlock();
    lying.lie = lie;
    try {
      const [name, params] = questions[method](hash);
      const ours = await fresh.chain(rollup.l2_chain_id).provider.request({ method: name, params });
      const theirs = await geth(name, params);
      if (name === 'eth_getBlockReceipts') assert.deepEqual(ours.map(({ status, logs }) => [status, logs]), theirs.map(({ status, logs }) => [status, logs]));
      else assert.equal(ours, theirs);
    } finally {
      lying.lie = null;
      stop();
      if (fresh !== node) await fresh.stop();
    }
    assert.equal(told.length, 1, 'the lie is told once');
    assert.equal(told[0].method, method);
    assert.ok(told[0].answer !== undefined && told[0].message.length > 5);
    return told[0].message;
  });
}

// The first block of Jovian still has the L1 attributes of Isthmus.
await step('every method answers as op-geth does after Jovian', () => compared(6, rollup.jovian_time + 1));

await step('the node counts who lied', () => {
  const [liarCounts, honest] = provider.rpcs;
  assert.ok(liarCounts.lies >= Object.keys(LIES).length - 1 && honest.lies === 0);
  return { liar: liarCounts, honest };
});

await step('what cannot be proven is refused', async () => {
  for (const [method, params, code] of [['eth_estimateGas', [{}], 4200], ['eth_getBlockByNumber', ['finalized', false], 4200], ['eth_getBlockByNumber', ['safe', false], 4200], ['eth_getBalance', ['0x12', 'latest'], -32602], ['eth_getBlockByNumber', ['0x1', false], -32001]]) {
    const thrown = await provider.request({ method, params }).then(() => assert.fail(`${method} was answered`), (error) => error);
    assert.equal(thrown.code, code, `${method}: ${thrown.message}`);
  }
});

await step('viem', () => viem({ node, chain, contract, rich, send }));
await step('ethers', () => ethers({ provider, contract, rich }));
await step('wagmi', () => wagmi({ chain, provider, rich }));

/** What the page shows of this transaction is what op-geth has. */
async function isRight({ hash, shown }) {
  const { blockHash, status, l1Fee } = await geth('eth_getTransactionReceipt', [hash]);
  assert.equal(shown.receipt, `${hash} ${status} ${l1Fee}`);
  assert.equal(shown.balance, `${await geth('eth_getBalance', [rich, { blockHash }])} at ${blockHash}`);
}

async function sign() {
  const raw = await account.signTransaction(await wallet.prepareTransactionRequest({ account, to: contract, data: ping(3n), gas: 200_000n }));
  return { raw, hash: keccak256(raw) };
}

if (process.env.PETREL_CHROMIUM) {
  const { load, close } = await openWallet({ rollup, signer, relay, gethUrl, lying, account: rich, geth, sign });
  await step('a page in Chromium shows what is signed before a poll has the receipt', async () => {
    const loads = [await load(), await load(), await load()];
    for (const loaded of loads) {
      await isRight(loaded);
      assert.equal(loaded.shown.lie, undefined);
    }
    const times = loads.map(({ signed, polled }) => ({ signed, polled }));
    // A poll may come by chance at the moment when there is a receipt.
    assert.ok(times.filter(({ signed, polled }) => signed < polled).length >= 2, JSON.stringify(times));
    return times;
  });
  for (const lie of ['balance', 'receipt']) {
    await step(`the page in Chromium shows a lie and the right answer: ${lie}`, async () => {
      const loaded = await load(lie);
      await isRight(loaded);
      assert.match(loaded.shown.lie, lie === 'balance' ? /^eth_getProof: .*balance/ : /^eth_getBlockReceipts: /);
      return loaded.shown.lie;
    });
  }
  await close();
} else {
  await step('a page in Chromium', () => 'there is no Chromium');
}
await node.stop();
lying.close();
done();
