// Builds the package: the output of wasm-bindgen, the TypeScript sources, and a module for each chain.

import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { packageDist, verifyWasm, wasm } from '../../folders.js';
import { writeChains } from './chains.js';
import { instances, instanceTypes } from './instances.js';
import { judges, judgeTypes } from './judges.js';
import { writeTypes } from './types.js';

const root = new URL('../', import.meta.url);

/** The compiler reads the types of the wasm module beside the sources that import it. */
async function copyWasm() {
  const worker = new URL('worker/', packageDist);
  await mkdir(worker, { recursive: true });
  await copyFile(new URL('petrel_wasm_bg.wasm', wasm), new URL('petrel_wasm_bg.wasm', worker));
  await writeFile(new URL('petrel_wasm.js', worker), instances(await readFile(new URL('petrel_wasm.js', wasm), 'utf8')));
  const types = instanceTypes(await readFile(new URL('petrel_wasm.d.ts', wasm), 'utf8'));
  for (const folder of [worker, new URL('src/worker/', root)]) await writeFile(new URL('petrel_wasm.d.ts', folder), types);
}

/** The same for the module of `petrel/verify`. */
async function copyVerifyWasm() {
  const verify = new URL('verify/', packageDist);
  await mkdir(verify, { recursive: true });
  await copyFile(new URL('petrel_verify_bg.wasm', verifyWasm), new URL('petrel_verify_bg.wasm', verify));
  await writeFile(new URL('petrel_verify.js', verify), judges(await readFile(new URL('petrel_verify.js', verifyWasm), 'utf8')));
  const types = judgeTypes(await readFile(new URL('petrel_verify.d.ts', verifyWasm), 'utf8'));
  for (const folder of [verify, new URL('src/verify/', root)]) await writeFile(new URL('petrel_verify.d.ts', folder), types);
}

function compile() {
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
  const args = [join(typescript, 'bin/tsc'), '-p', fileURLToPath(root), '--outDir', fileURLToPath(packageDist)];
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

await rm(packageDist, { recursive: true, force: true });
await copyWasm();
await copyVerifyWasm();
compile();
await writeTypes(packageDist);
await writeChains(new URL('page/chains/', packageDist));
await copyFile(new URL('../../LICENSE', root), new URL('LICENSE', packageDist));
