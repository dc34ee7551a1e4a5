// The blocks of code in the package's README, and which test runs each. A block is run as it is in the README, in an app that has the
// published package: only what a reader would replace is replaced.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { output } from './installed.js';

const require = createRequire(import.meta.url);
const readme = new URL('../README.md', import.meta.url);

/**
 * Which test runs a block, by the heading above the block; of several below one heading the later ones are numbered. `npm`:
 * `readme.test.js`; `browser`: `readme.test.js` of the page, with a daemon; `devnet`: `tests/interop/devnet/wallet/readme.js`, with
 * op-geth and an L1.
 */
export const RUN_BY = {
  petrel: 'browser',
  Provider: 'devnet',
  'Provider 2': 'devnet',
  'The signer from L1': 'devnet',
  createFollower: 'browser',
  'Verify without a node': 'npm',
};

/** All blocks of the README, in order: `name`, `language` and `text`. */
export async function blocks() {
  const found = [];
  let [heading, open] = ['', undefined];
  for (const line of (await readFile(readme, 'utf8')).split('\n')) {
    if (open && line === '```') open = void found.push(open);
    else if (open) open.text += `${line}\n`;
    else if (line.startsWith('```')) open = { name: named(found, heading), heading, language: line.slice(3), text: '' };
    else heading = /^#+ (.*)/.exec(line)?.[1] ?? heading;
  }
  assert.equal(open, undefined, 'a block has no end');
  return found;
}

function named(found, heading) {
  const before = found.filter((block) => block.heading === heading).length;
  return before === 0 ? heading : `${heading} ${before + 1}`;
}

/** The blocks that a test runs. `cases` has an entry for each of them, and no other; `[block, entry]`. */
export async function casesOf(test, cases) {
  const own = (await blocks()).filter(({ name }) => RUN_BY[name] === test);
  assert.deepEqual(Object.keys(cases).sort(), own.map(({ name }) => name).sort(), `the blocks that ${test} runs`);
  return own.map((block) => [block, cases[block.name]]);
}

/** The block's text with these parts replaced, each of which it has. No address that only stands for one is left. */
export function filled({ name, text }, replaced) {
  for (const [part, value] of Object.entries(replaced)) {
    assert.ok(text.includes(part), `${name}: no ${part} to replace`);
    text = text.replaceAll(part, value);
  }
  assert.doesNotMatch(text, /\.example\b/, name);
  return text;
}

/** Makes these packages of this folder known to the app: it would install them from the registry. */
export async function linked(folder, packages, from = dirname(dirname(require.resolve('viem/package.json')))) {
  for (const name of packages) {
    await mkdir(join(folder, 'node_modules', dirname(name)), { recursive: true });
    await symlink(join(from, name), join(folder, 'node_modules', name));
  }
}

/** Runs TypeScript's compiler in a folder that has a `tsconfig.json` of these options; what it prints, `''` when all is well. */
export async function compiled(folder, compilerOptions, files) {
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
  return output(folder, process.execPath, [tsc, '-p', '.', '--pretty', 'false']).then(
    () => '',
    ({ stdout, message }) => stdout || message,
  );
}

/**
 * Starts a block, whose text is `filled`, in the app's folder. `line()` is the next line that it prints, and rejects with what it
 * printed on stderr when it ends before; `ended` resolves to its exit code. It is ended with the test.
 */
export async function started(t, folder, { name, language }, text) {
  const file = `${name.replaceAll(' ', '-')}.${language}`;
  await writeFile(join(folder, file), text);
  const emit = { target: 'es2022', module: 'esnext', noCheck: true, types: [], outDir: '.' };
  if (language === 'ts') assert.equal(await compiled(folder, emit, [file]), '');
  const child = spawn(process.execPath, ['--experimental-websocket', file.replace(/\.ts$/, '.js')], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  const errors = [];
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${name} printed no more: ${errors.join('\n')}`);
    return value;
  };
  const ended = new Promise((resolve) => child.on('exit', resolve));
  return { line, ended, end: () => child.kill('SIGKILL') };
}

/** Where the tests' vectors are. */
export const vectors = (path) => fileURLToPath(new URL(`../../../tests/vectors/${path}`, import.meta.url));
