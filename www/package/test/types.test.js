// The published types in the apps that there are: with and without `dom`, `esnext` and viem, resolved as bundlers and as Node do, and the
// types of libraries checked too.

import assert from 'node:assert/strict';
import { cp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { after } from 'node:test';

import { app } from './installed.js';
import { compiled, linked } from './readme.js';

const LIMIT = { timeout: 300_000 };
const STRICT = { target: 'es2022', types: [], strict: true, exactOptionalPropertyTypes: true, noEmit: true, skipLibCheck: false };
const RESOLUTIONS = [{ module: 'esnext', moduleResolution: 'bundler' }, { module: 'node16' }];
const LIBS = [['es2022'], ['es2022', 'esnext.disposable'], ['esnext'], ['es2022', 'dom'], ['esnext', 'dom', 'dom.iterable']];

/** Two apps with the package and the files of the folder `types`; the second one has viem too. */
const [folder, withViem] = await Promise.all([app({ after }), app({ after })]);
for (const to of [folder, withViem]) await cp(new URL('types/', import.meta.url), to, { recursive: true });
await linked(withViem, ['viem']);

for (const lib of LIBS) {
  test(`the types compile with lib [${lib}], without viem and the types of Node`, LIMIT, async () => {
    const own = lib.includes('dom') ? 'dom.ts' : 'bare.ts';
    for (const resolution of RESOLUTIONS) {
      assert.equal(await compiled(folder, { ...STRICT, ...resolution, lib }, ['consumer.ts', own]), '', JSON.stringify(resolution));
    }
  });
}

test('the types of petrel/viem compile beside viem', LIMIT, async () => {
  for (const resolution of RESOLUTIONS) {
    for (const lib of [['es2022', 'dom'], ['esnext', 'dom']]) {
      assert.equal(await compiled(withViem, { ...STRICT, ...resolution, lib }, ['consumer.ts', 'viem.ts']), '', JSON.stringify({ ...resolution, lib }));
    }
  }
});

test('without `dom` only the types of viem and of its dependencies are wrong', LIMIT, async () => {
  const errors = (await compiled(withViem, { ...STRICT, module: 'nodenext', lib: ['es2022'] }, ['consumer.ts', 'viem.ts'])).match(/^\S+(?=\(\d+,\d+\): error)/gm);
  assert.deepEqual((errors ?? []).filter((file) => !/node_modules\/(viem|ox|abitype)\//.test(file)), []);
});

test('the apps above use every public export', LIMIT, async () => {
  const consumer = await readFile(new URL('types/consumer.ts', import.meta.url), 'utf8');
  const [, petrel, verify] = consumer.split(/^import \{$/m);
  for (const [file, imports] of [['page/index.d.ts', petrel], ['verify/index.d.ts', verify]]) {
    const names = exported(await readFile(join(folder, 'node_modules/petrel/dist', file), 'utf8'));
    assert.ok(names.length > 10);
    for (const name of names) assert.match(imports, new RegExp(`^  (type )?${name}( as \\w+)?,$`, 'm'), `${file}: ${name}`);
  }
});

/** The names that a file of types exports. */
function exported(types) {
  const lists = [...types.matchAll(/^export (?:type )?\{ ([^}]+) \}/gm)].flatMap(([, names]) => names.split(', '));
  const declared = [...types.matchAll(/^export declare (?:async )?(?:function|const|class) (\w+)/gm)].map(([, name]) => name);
  return [...lists.map((name) => name.replace(/^type /, '')), ...declared];
}

test('no type that the package writes itself is `any`', LIMIT, async () => {
  const dist = join(folder, 'node_modules/petrel/dist');
  const files = (await readdir(dist, { recursive: true })).filter((file) => file.endsWith('.d.ts') && !/petrel_(wasm|verify)\.d\.ts$/.test(file));
  assert.ok(files.length > 50);
  for (const file of files) {
    const code = (await readFile(join(dist, file), 'utf8')).replace(/\/\*[^]*?\*\//g, '').replace(/\/\/.*$/gm, '');
    assert.doesNotMatch(code, /\bany\b/, file);
  }
});
