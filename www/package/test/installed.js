// An app with the published package: packed, and installed by npm into a folder of its own.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { packageDist } from '../../folders.js';

const root = new URL('../', import.meta.url);
const LIMIT = 120_000;

/** Runs a program to its end; its standard output. */
export async function output(cwd, program, args) {
  const { stdout } = await promisify(execFile)(program, args, { cwd, timeout: LIMIT });
  return stdout;
}

/** Packs the package, in the build of the folder `dist`, into `folder`. */
async function pack(folder, dist) {
  const copy = await mkdtemp(join(tmpdir(), 'petrel-package-'));
  try {
    for (const name of ['package.json', 'README.md']) await cp(new URL(name, root), join(copy, name));
    await cp(dist, join(copy, 'dist'), { recursive: true });
    await output(copy, 'npm', ['pack', '--ignore-scripts', '--pack-destination', folder]);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** The folder `app` beside this file with the package in it. No registry is used: the package has no dependencies. */
export async function app(t, dist = packageDist) {
  const folder = await mkdtemp(join(tmpdir(), 'petrel-app-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await cp(new URL('app/', import.meta.url), folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
  await pack(folder, dist);
  const packed = (await readdir(folder)).find((file) => file.endsWith('.tgz'));
  await output(folder, 'npm', ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', `./${packed}`]);
  return folder;
}

/** Checks the result of `follow` of the app, in a thread of this kind. */
export function check({ error, chains, statuses, code, remedy, both }, thread) {
  assert.equal(error, undefined);
  const base = { id: 8453, name: 'Base', intervalMs: 200, state: 'connecting', thread };
  assert.deepEqual(statuses, [base, base, base]);
  assert.deepEqual(both, { isShared: true, statuses: [10, 8453].map((id) => ({ id, state: 'connecting', thread })) });
  assert.ok(chains > 50);
  assert.equal(code, 'unknown_chain');
  assert.match(remedy, /'base-mainnet' \(8453\)/);
}
