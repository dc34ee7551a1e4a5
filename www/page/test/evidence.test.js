// Evidence of two signed blocks of one height: the page judges files as `petrel check` and `petrel/verify` in Node do, nothing of a file
// becomes HTML, and what the tab itself finds can be saved.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

import { packageDist } from '../../folders.js';
import { browse, json, program, run, serve } from './harness.js';

const { judgeEvidence } = await import(new URL('verify/index.js', packageDist));

const vectors = new URL('../../../tests/vectors/evidence/', import.meta.url);
/** A relay that nobody runs: the page has a chain, and no connection. */
const NOBODY = '/ip4/127.0.0.1/tcp/9/ws/p2p/16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv';

async function temporary(t) {
  const folder = await mkdtemp(join(tmpdir(), 'petrel-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The report of `petrel check`, which exits with 1 when a file is refused. */
function check(chain, signer, file) {
  return new Promise((resolve) => {
    const args = ['check', ...chain, '--signer', signer, file];
    execFile(program('PETREL_BIN', 'petrel'), args, (_, stdout) => {
      const { file: __, ...report } = JSON.parse(stdout.trim().split('\n')[0]);
      resolve(report);
    });
  });
}

/** What the page says of a report. */
function wordsOf({ verdict, chain, signer, number, hashes, fault, detail }) {
  if (verdict === 'accept') return { Chain: String(chain), Signer: signer, Block: String(number), 'First hash': hashes[0], 'Second hash': hashes[1] };
  return { Rule: fault, Detail: detail };
}

/** What the page shows when it has judged. */
async function judged(page, act) {
  await page.$eval('#evidence-verdict', (box) => box.replaceChildren());
  await act();
  await page.waitForFunction(() => /^(Accepted|Refused|Not judged|It could)/.test(document.querySelector('#evidence-verdict').textContent), undefined, { timeout: 30_000 });
  return page.$eval('#evidence-verdict', (box) => {
    const texts = (name) => [...box.querySelectorAll(name)].map(({ textContent }) => textContent);
    const values = texts('dd');
    return { words: texts('p')[0], rows: Object.fromEntries(texts('dt').map((name, at) => [name, values[at]])) };
  });
}

const choose = (page, files) => judged(page, () => page.setInputFiles('#evidence-file', files));

test('each document of evidence gets the same verdict from the page, petrel check, and petrel/verify in Node', { timeout: 120_000 }, async (t) => {
  const { chain, signer, files } = JSON.parse(await readFile(new URL('index.json', vectors), 'utf8'));
  const { page, consoleErrors, requests } = await browse(t, await serve(t, { chain, signer, relays: [NOBODY] }));
  const loaded = () => requests.filter((url) => /verify.*\.wasm$/.test(url)).length;
  assert.equal(loaded(), 0, 'the judge is loaded before it is needed');
  assert.ok(files.length > 10);
  for (const { file } of files) {
    const path = fileURLToPath(new URL(file, vectors));
    const [native, own] = [await check(['--network', chain], signer, path), await judgeEvidence(await readFile(path), { chain, signer })];
    assert.deepEqual(own, native, file);
    const { words, rows } = await choose(page, path);
    assert.deepEqual(rows, wordsOf(native), file);
    assert.match(words, native.verdict === 'accept' ? /^Accepted/ : /^Refused/);
  }
  assert.equal(loaded(), 1);
  assert.deepEqual(consoleErrors.filter((line) => !/WebSocket|ERR_/.test(line)), []);
});

test('a file is chosen by the keyboard or dropped, and judged in a part of the page that is read out', { timeout: 60_000 }, async (t) => {
  const { chain, signer } = JSON.parse(await readFile(new URL('index.json', vectors), 'utf8'));
  const { page } = await browse(t, await serve(t, { chain, signer, relays: [NOBODY] }));
  const good = fileURLToPath(new URL('good.json', vectors));
  await page.focus('#evidence summary');
  await page.keyboard.press('Enter');
  assert.ok(await page.$eval('#evidence', ({ open }) => open));
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'evidence-file');
  const chooser = page.waitForEvent('filechooser');
  const chosen = await judged(page, async () => {
    await page.keyboard.press('Enter');
    await (await chooser).setFiles(good);
  });
  assert.equal(chosen.rows.Block, '1000');
  assert.equal(await page.getAttribute('#evidence-verdict', 'aria-live'), 'polite');

  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Enter');
  assert.ok(!(await page.$eval('#evidence', ({ open }) => open)));
  const text = await readFile(good, 'utf8');
  const dropped = await judged(page, () =>
    page.evaluate((text) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([text], 'good.json'));
      document.querySelector('#evidence').dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
    }, text),
  );
  assert.deepEqual(dropped, chosen);
  assert.ok(await page.$eval('#evidence', ({ open }) => open));
});

test('nothing of a file becomes HTML, and one that is too long is not read', { timeout: 60_000 }, async (t) => {
  const { chain, signer } = JSON.parse(await readFile(new URL('index.json', vectors), 'utf8'));
  const { page } = await browse(t, await serve(t, { chain, signer, relays: [NOBODY] }));
  const folder = await temporary(t);
  const html = '<img src=x onerror="document.title=1"><b id=injected>';
  const good = JSON.parse(await readFile(new URL('good.json', vectors), 'utf8'));
  for (const text of [html, JSON.stringify({ ...good, kind: html }), JSON.stringify({ ...good, [html]: 1 }), JSON.stringify({ ...good, signer: html })]) {
    const { rows } = await choose(page, { name: `${html}.json`, mimeType: 'application/json', buffer: Buffer.from(text) });
    const report = await judgeEvidence(text, { chain, signer });
    assert.deepEqual(rows, wordsOf(report));
    assert.equal(report.verdict, html in JSON.parse(text.startsWith('{') ? text : '{}') ? 'accept' : 'reject');
    assert.equal(await page.$('#injected, #evidence img'), null);
  }
  const long = join(folder, 'long.json');
  await writeFile(long, '');
  await truncate(long, 48 * 2 ** 20 + 1);
  const begin = performance.now();
  const { rows } = await choose(page, long);
  assert.deepEqual(rows, { Rule: 'evidence_too_large', Detail: `${48 * 2 ** 20 + 1} bytes, evidence has at most 48 MiB` });
  t.diagnostic(`${Math.round(performance.now() - begin)} ms for a file of 48 MiB`);
});

test('two signed blocks of one height that the tab has received can be saved, and petrel check accepts the file', { timeout: 120_000 }, async (t) => {
  const relay = run(t, program('PETREL_HOSTILE_RELAY', 'examples/hostile_relay'), ['conflict']);
  const config = await relay.onStdout((line) => (json(line)?.relay ? json(line) : undefined));
  const { page } = await browse(t, await serve(t, { chain: config.chain, signer: config.signer, relays: [config.relay] }));
  await page.waitForFunction(() => document.querySelector('#evidence-found a'), undefined, { timeout: 60_000 });
  assert.match(await page.textContent('#evidence-last'), /^two signed blocks \d/);
  await page.click('#evidence summary');
  const saving = page.waitForEvent('download');
  await page.click('#evidence-found a');
  const folder = await temporary(t);
  const [file, rollup] = [join(folder, 'evidence.json'), join(folder, 'rollup.json')];
  await (await saving).saveAs(file);
  await writeFile(rollup, JSON.stringify(config.chain));
  const native = await check(['--rollup.config', rollup], config.signer, file);
  assert.deepEqual([native.verdict, native.fault], ['accept', null]);
  assert.deepEqual((await choose(page, file)).rows, wordsOf(native));
  assert.ok((await page.$$('#evidence-found li')).length <= 8);
});
