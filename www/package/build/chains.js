// Makes a module of each chain's preset, `SLUG.js`, and `index.js` beside them with their names. Each `import()` names its
// file literally, because bundlers do not see it otherwise.

import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';

const presets = new URL('../../../core/presets/', import.meta.url);
const types = new URL('../src/page/chains/index.d.ts', import.meta.url);

/** Writes the modules into the folder `out`, which is made anew. */
export async function writeChains(out) {
  const files = (await readdir(presets)).filter((file) => file.endsWith('.json'));
  const chains = (await Promise.all(files.map(read))).sort((one, other) => one.id - other.id);
  check(chains);
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  for (const { slug, rollup } of chains) await writeFile(new URL(`${slug}.js`, out), `export default ${JSON.stringify(rollup)};\n`);
  await writeFile(new URL('index.js', out), `export default [\n${chains.map(row).join('')}];\n`);
  await copyFile(types, new URL('index.d.ts', out));
}

async function read(file) {
  const rollup = JSON.parse(await readFile(new URL(file, presets), 'utf8'));
  const { slug, name, aliases = [] } = rollup.petrel;
  if (`${slug}.json` !== file || !/^[\w-]+$/.test(slug)) throw new Error(`${file} is not the preset of ${JSON.stringify(slug)}`);
  return { rollup, id: rollup.l2_chain_id, slug, name, aliases };
}

/** Each name and each id may be used once. */
function check(chains) {
  const names = chains.flatMap(({ id, slug, aliases }) => [String(id), slug, ...aliases]);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new Error(`two chains have the name ${JSON.stringify(twice)}`);
}

function row({ id, slug, name, aliases }) {
  const text = [id, slug, name, aliases].map((value) => JSON.stringify(value));
  return `  { id: ${text[0]}, slug: ${text[1]}, name: ${text[2]}, aliases: ${text[3]}, load: () => import('./${slug}.js') },\n`;
}
