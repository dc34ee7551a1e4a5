// The part of the bench in Chromium; `run.js` calls it. Times are milliseconds.

import { createFollower } from 'petrel';
import { validate as inJavaScript } from './javascript.js';

/** Validations before the first that is measured. */
const WARM = 3;

async function fetched(path) {
  return new Uint8Array(await (await fetch(path)).arrayBuffer());
}

/** Validates a sample `rounds` times, in wasm or JavaScript: the result, and the time of each validation. */
async function validate(way, sample, rounds) {
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
  // Relative to the page: this module is in a subfolder.
  const path = new URL('wasm/petrel_wasm.js', document.baseURI).href;
  const { default: load, validateMessage } = await import(/* @vite-ignore */ path);
  await load();
  return () => JSON.parse(validateMessage(wire, topic, BigInt(chain), signer, BigInt(timestamp)));
}

let follower;

/** Starts a follower; the time until its first verified block. */
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

globalThis.bench = { validate, start, blocks, stop, status, memory };
