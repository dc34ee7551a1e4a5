// What the bench does inside Chromium; `run.js` calls it. Times are milliseconds.

import { createFollower } from 'petrel';
import { judge as inJavaScript } from './javascript.js';

/** Judgements before any is measured. */
const WARM = 3;

async function fetched(path) {
  return new Uint8Array(await (await fetch(path)).arrayBuffer());
}

/** Judges a sample again and again, in one way: what came of it, and each judgement's time. */
async function judge(way, sample, rounds) {
  const wire = await fetched(sample.file);
  const once = way === 'wasm' ? await inWasm(wire, sample) : () => inJavaScript(wire, sample.topic, sample.chain);
  const result = once();
  for (let round = 1; round < WARM; round += 1) once();
  const times = [];
  for (let round = 0; round < rounds; round += 1) {
    const start = performance.now();
    once();
    times.push(performance.now() - start);
  }
  return { result, times };
}

async function inWasm(wire, { topic, chain, signer, timestamp }) {
  // Beside the page: this module lies a folder deeper.
  const path = new URL('wasm/petrel_wasm.js', document.baseURI).href;
  const { default: load, judgeMessage } = await import(/* @vite-ignore */ path);
  await load();
  return () => JSON.parse(judgeMessage(wire, topic, BigInt(chain), signer, BigInt(timestamp)));
}

let follower;

/** Starts a follower; how long until it had its first verified block. */
async function start(options) {
  const begin = performance.now();
  follower = await createFollower({ ...options, store: null });
  const { value } = await follower.blocks({ buffer: 1 }).next();
  return { took: performance.now() - begin, number: value.number };
}

/** The next so many blocks. */
async function blocks(count) {
  const seen = [];
  for await (const { number, delayMs, judgedMs, via } of follower.blocks({ buffer: 4096 })) {
    seen.push({ number, delayMs, judgedMs, via });
    if (seen.length === count) return seen;
  }
  throw new Error('the follower ended');
}

async function stop() {
  const status = await follower.status();
  await follower.stop();
  return status;
}

/** Bytes that the follower's worker holds, by kind, as the browser counts them. */
async function memory() {
  const { breakdown } = await performance.measureUserAgentSpecificMemory();
  const ofWorker = breakdown.filter(({ attribution }) => attribution.some(({ scope }) => scope.includes('Worker')));
  return ofWorker.map(({ bytes, types }) => ({ bytes, types }));
}

function status() {
  return follower.status();
}

globalThis.bench = { judge, start, blocks, stop, status, memory };
