// In a page: what the DOM has is what the options take.

import { createFollower, type NodeOptions } from 'petrel';
import { verify } from 'petrel/verify';

const controller = new AbortController();
export const node: NodeOptions = {
  signal: controller.signal,
  worker: () => new Worker(new URL('worker.js', 'https://app.example/'), { type: 'module' }),
  wasm: new URL('petrel.wasm', 'https://app.example/'),
};
export const signal: AbortSignal | undefined = node.signal;
export const worker: Worker = node.worker?.() as Worker;

export async function follow(): Promise<void> {
  const follower = await createFollower({ chain: 10, relays: [], l1: { request: new URL('https://rpc.example'), header: '0x11' }, ...node });
  for await (const { number } of follower.blocks({ signal: controller.signal })) document.title = String(number);
  const wasm = new URL('verify.wasm', 'https://app.example/');
  await verify(await (await fetch('message')).arrayBuffer(), { chain: 10, wasm });
}

// @ts-expect-error An object that is no AbortSignal.
export const noSignal: NodeOptions = { signal: {} };
// @ts-expect-error A misspelt option.
export const misspelt: NodeOptions = { sginal: controller.signal };
