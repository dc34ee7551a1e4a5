// The options of `verify` and `judgeEvidence`, checked, as the module takes them.

import { loadChain, type RollupConfig } from '../page/chains.js';
import { suggest } from '../page/suggest.js';
import { PetrelError, text } from '../shared/errors.js';
import type { Hex } from '../shared/events.js';
import type { PayloadVersion } from './types.js';

export interface EvidenceOptions {
  /**
   * A chain of the package by its name or chain id; an object with its `id`, as viem has it; or the `rollup.json` of any OP Stack chain, as
   * an object.
   */
  readonly chain: string | number | bigint | RollupConfig | { readonly id: number };
  /** Who signs the chain's unsafe blocks: needed for a `rollup.json`, and instead of the preset's when it has changed. */
  readonly signer?: Hex;
  /** Where the WebAssembly module is, where a bundler does not find it by itself: the URL of `petrel/verify.wasm`. */
  readonly wasm?: string | { readonly href: string };
}

export interface VerifyOptions extends EvidenceOptions {
  /** The version of the topic on which the message came; it is taken from the message unless this or `topic` is given. */
  readonly version?: PayloadVersion;
  /** The name of that topic, `/optimism/CHAIN/0/blocks` (V1) to `/optimism/CHAIN/3/blocks` (V4). */
  readonly topic?: string;
  /** The time of validation: Unix seconds, or `'block'` for the block's own time, as for an old capture; now unless it is given. */
  readonly at?: number | 'block';
}

/** As the module takes them: empty text is what is not given, NaN the block's own time. */
interface Checked {
  readonly chain: string;
  readonly signer: string;
  readonly wasm: string | undefined;
}

const EVIDENCE = ['chain', 'signer', 'wasm'];
const MESSAGE = [...EVIDENCE, 'version', 'topic', 'at'];

/** @throws {PetrelError} */
export async function evidenceOptions(options: EvidenceOptions): Promise<Checked> {
  checkNames(options, EVIDENCE);
  return common(options);
}

/** @throws {PetrelError} */
export async function messageOptions(options: VerifyOptions): Promise<Checked & { readonly version: string; readonly at: number }> {
  checkNames(options, MESSAGE);
  const { version, topic, at } = options;
  const checked = await common(options);
  return { ...checked, version: versionOf(version, topic, checked.chain), at: timeOf(at) };
}

async function common({ chain, signer = '' as Hex, wasm }: EvidenceOptions): Promise<Checked> {
  if (typeof signer !== 'string') throw wrong('bad_signer', 'the signer is no address', 'give the unsafe block signer as 20 bytes of 0x-hex');
  const file: unknown = typeof wasm === 'object' && wasm !== null ? wasm.href : wasm;
  if (file !== undefined && typeof file !== 'string') throw wrong('bad_options', 'the option wasm is no URL', 'correct wasm, or leave it out');
  return { chain: await rollupOf(chain), signer, wasm: file };
}

/** The JSON of a chain's `rollup.json`. */
async function rollupOf(chain: unknown): Promise<string> {
  if (typeof chain === 'object' && chain !== null) {
    const { id, l2_chain_id } = chain as Record<string, unknown>;
    if (l2_chain_id === undefined && typeof id === 'number') return rollupOf(id);
  } else if (typeof chain === 'string' || typeof chain === 'number' || typeof chain === 'bigint') {
    chain = await loadChain(String(chain));
  }
  try {
    return JSON.stringify(chain) ?? 'null';
  } catch (thrown) {
    throw wrong('bad_chain', `the chain is no rollup.json: ${text(thrown)}`, 'give the object as JSON.parse gives it, or a name or id that chains() has');
  }
}

function versionOf(version: unknown, topic: unknown, chain: string): string {
  if (version !== undefined && !/^V[1-4]$/.test(String(version))) {
    throw wrong('bad_options', `${JSON.stringify(version)} is no payload version`, 'give V1, V2, V3 or V4, or leave it out');
  }
  if (topic === undefined) return version === undefined ? '' : String(version);
  const id = (JSON.parse(chain) as { l2_chain_id?: number } | null)?.l2_chain_id;
  const place = [0, 1, 2, 3].find((place) => topic === `/optimism/${id}/${place}/blocks`);
  const named = `V${(place ?? 0) + 1}`;
  if (place === undefined || (version !== undefined && version !== named)) {
    throw wrong('bad_options', `${JSON.stringify(topic)} is not the topic of this chain and version`, `give /optimism/${id}/3/blocks for V4, or leave it out`);
  }
  return named;
}

function timeOf(at: unknown): number {
  if (at === undefined) return Math.floor(Date.now() / 1000);
  if (at === 'block') return NaN;
  if (typeof at === 'number' && Number.isFinite(at) && at >= 0) return Math.floor(at);
  throw wrong('bad_options', `the time ${String(at)} is neither Unix seconds nor 'block'`, 'correct at, or leave it out');
}

function checkNames(options: unknown, names: readonly string[]): void {
  if (typeof options !== 'object' || options === null) throw wrong('bad_options', 'the options are no object', `give { ${names.join(', ')} }`);
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  const [similar] = suggest(unknown, names, 1);
  const remedy = `${similar ? `give ${similar} instead; ` : ''}the options are ${names.join(', ')}`;
  throw wrong('bad_options', `there is no option ${JSON.stringify(unknown)}`, remedy);
}

function wrong(code: 'bad_options' | 'bad_signer' | 'bad_chain', message: string, remedy: string): PetrelError {
  return new PetrelError({ code, message, remedy });
}
