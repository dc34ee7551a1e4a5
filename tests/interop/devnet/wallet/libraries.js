// viem, ethers and wagmi on the provider.

import assert from 'node:assert/strict';

import { createConfig, getBalance as wagmiBalance, getBlock as wagmiBlock } from '@wagmi/core';
import { BrowserProvider, Contract } from 'ethers';
import { createPublicClient, custom, encodeAbiParameters, parseAbi } from 'viem';

import { dist, until } from './steps.js';

const { petrel: transport } = await import(new URL('viem.js', dist));

export const ABI = parseAbi(['event Ping(address indexed from, uint256 value)', 'function count() view returns (uint256)']);
export const ping = (value) => encodeAbiParameters([{ type: 'uint256' }], [value]);

export async function viem({ node, chain, contract, rich, send }) {
  const client = createPublicClient({ chain, transport: transport(node), pollingInterval: 200 });
  const [blocks, events] = [[], []];
  const unwatchBlocks = client.watchBlocks({ onBlock: (block) => blocks.push(block) });
  const unwatchEvents = client.watchEvent({ address: contract, event: ABI[0], onLogs: (logs) => events.push(...logs) });
  const block = await client.getBlock();
  assert.ok(block.number > 0n && block.baseFeePerGas > 0n);
  assert.ok((await client.getBalance({ address: rich })) > 0n);
  const before = await client.readContract({ address: contract, abi: ABI, functionName: 'count' });
  const hash = await send({ to: contract, data: ping(7n) });
  const receipt = await client.waitForTransactionReceipt({ hash });
  assert.equal(receipt.status, 'success');
  assert.equal(receipt.logs.length, 1);
  const after = await client.readContract({ address: contract, abi: ABI, functionName: 'count' });
  assert.ok(after > before);
  // An event of an earlier step may come first.
  const isTold = () => events.some(({ args, transactionHash }) => transactionHash === hash && args.value === 7n);
  await until(() => (isTold() && blocks.length > 2 ? true : undefined), 'blocks and events of viem');
  unwatchBlocks();
  unwatchEvents();
  return `${blocks.length} blocks, ${events.length} events`;
}

export async function ethers({ provider, contract, rich }) {
  const browser = new BrowserProvider(provider);
  const block = await browser.getBlock('latest');
  assert.ok(block.number > 0 && (await browser.getBalance(rich)) > 0n);
  assert.ok((await new Contract(contract, ['function count() view returns (uint256)'], browser).count()) >= 0n);
  const heads = [];
  browser.on('block', (number) => heads.push(number));
  await until(() => (heads.length > 1 ? true : undefined), 'heads of ethers');
  browser.destroy();
  return `${heads.length} heads`;
}

export async function wagmi({ chain, provider, rich }) {
  const config = createConfig({ chains: [chain], transports: { [chain.id]: custom(provider) } });
  const [block, balance] = [await wagmiBlock(config), await wagmiBalance(config, { address: rich })];
  assert.ok(block.number > 0n && balance.value > 0n);
  return `block ${block.number}`;
}
