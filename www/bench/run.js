// `cargo xtask bench browser`: the cost of a follower in Chromium, compared with native code and JavaScript, in one run. In
// PETREL_BENCH: the bench's page, the wasm module with `validateMessage`, and samples with their native figures.

import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';

import { block, browse, devnet, json, program, run, serve } from '../page/test/harness.js';

const folder = pathToFileURL(`${process.env.PETREL_BENCH}/`);
/** Validations of each sample in wasm, and in JavaScript, which is slower. */
const ROUNDS = { wasm: 60, javascript: 15 };
/** Blocks over the relay, and blocks until the memory is measured. */
const RELAYED = 40;
const MANY = 1000;
/** A page may measure a worker's memory when it is cross-origin isolated. */
const ISOLATED = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

const after = [];
const t = { after: (step) => after.push(step) };
const missed = [];

/** Compares a figure with its limit; one above it fails the run. */
function limit(figure, most, unit, name) {
  const isMet = figure <= most;
  if (!isMet) missed.push(`${name}: ${round(figure)} ${unit}, limit ${most}`);
  return `limit ${most} ${unit}, ${isMet ? 'met' : 'MISSED'}`;
}

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

const median = (values) => quantile(values, 0.5);
const round = (value) => (Math.abs(value) < 10 ? value.toFixed(2) : value.toFixed(0));

async function page() {
  const opened = await browse(t, await serve(t, undefined, { root: folder, headers: ISOLATED }), {}, [
    '--enable-blink-features=ForceEagerMeasureMemory',
    '--enable-precise-memory-info',
  ]);
  await opened.page.waitForFunction(() => globalThis.bench);
  return opened.page;
}

async function validation() {
  const samples = JSON.parse(await readFile(new URL('samples.json', folder), 'utf8'));
  const tab = await page();
  console.log('\nvalidation of one message, median in ms (native: with the daemon’s primitives; portable: with the browser’s)\n');
  console.log('   payload     native  portable      wasm  javascript  wasm/portable  javascript/wasm');
  for (const sample of samples) {
    const ways = {};
    for (const way of ['wasm', 'javascript']) {
      const { result, times } = await tab.evaluate(([way, sample, rounds]) => bench.validate(way, sample, rounds), [way, sample, ROUNDS[way]]);
      for (const key of ['id', 'signer', 'hash']) {
        if (result[key].toLowerCase() !== sample[key].toLowerCase()) throw new Error(`${way}: ${key} is ${result[key]}, not ${sample[key]}`);
      }
      ways[way] = median(times);
    }
    const { payload, native, portable } = sample;
    const columns = [[`${payload} B`, 10], [round(native), 10], [round(portable), 9], [round(ways.wasm), 9], [round(ways.javascript), 11]];
    const ratios = [[`${(ways.wasm / portable).toFixed(1)}×`, 14], [`${(ways.javascript / ways.wasm).toFixed(1)}×`, 16]];
    console.log([...columns, ...ratios].map(([text, width]) => text.padStart(width)).join(' '));
    if (payload > 300_000 && payload < 400_000) console.log(`             325 kB in wasm: ${limit(ways.wasm, 15, 'ms', 'validation of 325 kB in wasm')}`);
  }
}

async function delay() {
  const { daemon, url } = await devnet(t, ['--block-time', '1s', '--block-bytes', '100kB']);
  const { chain, signer, relays } = await (await fetch(new URL('relay.json', url))).json();
  await block(daemon, 2);
  for (const transport of ['webtransport', 'ws']) {
    const tab = await page();
    const relay = relays.find((address) => address.includes(`/${transport}/`));
    const { took } = await tab.evaluate((options) => bench.start(options), { chain, signer, relays: [relay] });
    console.log(`\n${transport}: createFollower to the first verified block ${round(took)} ms (${limit(took, 3000, 'ms', `first block over ${transport}`)}: a block time of 1 s, and 2 s)`);
    const seen = await tab.evaluate((count) => bench.blocks(count), RELAYED);
    const added = [];
    for (const { number, delayMs, judgedMs } of seen) {
      const emitted = await block(daemon, number);
      added.push({ hop: delayMs - emitted.delay_ms, validation: judgedMs });
    }
    const hops = added.map(({ hop }) => hop);
    console.log(`${transport}: arrival in the tab minus arrival at the relay, ${seen.length} blocks of 100 kB: p50 ${median(hops)} ms, p90 ${quantile(hops, 0.9)} ms, max ${Math.max(...hops)} ms (target p50 ≤ 5 ms); validated in the tab in ${median(added.map(({ validation }) => validation))} ms`);
    await tab.evaluate(() => bench.stop());
  }
}

async function memory() {
  const feed = run(t, program('PETREL_BENCH_FEED', 'examples/browser_bench'), ['feed']);
  const config = await feed.onStdout((line) => (json(line)?.relay ? json(line) : undefined));
  const tab = await page();
  await tab.evaluate((options) => bench.start(options), { chain: config.chain, signer: config.signer, relays: [config.relay] });
  const seen = await tab.evaluate((count) => bench.blocks(count), MANY);
  // The browser's figures do not include the memory of the WebAssembly module.
  const { moduleBytes } = await tab.evaluate(() => bench.status());
  const heap = await tab.evaluate(() => bench.memory());
  if (heap.every((kind) => kind.bytes === 0)) throw new Error('the browser does not report the memory of the worker');
  const kinds = [...heap, { bytes: moduleBytes, types: ['WebAssembly'] }];
  const bytes = kinds.reduce((sum, kind) => sum + kind.bytes, 0);
  const each = kinds.filter((kind) => kind.bytes > 0).map((kind) => `${kind.types.join('+') || 'other'} ${round(kind.bytes / 2 ** 20)}`);
  const gossiped = seen.filter(({ via }) => via === 'gossip').length;
  console.log(`\nworker after ${seen.length} blocks of 100 kB (${gossiped} by gossip): ${round(bytes / 2 ** 20)} MiB (${each.join(', ')}); ${limit(bytes / 2 ** 20, 96, 'MiB', 'worker memory')}`);
}

try {
  await validation();
  await delay();
  await memory();
} finally {
  for (const step of after.reverse()) await step();
}
for (const text of missed) console.log(`\nmissed: ${text}`);
process.exit(missed.length > 0 ? 1 : 0);
