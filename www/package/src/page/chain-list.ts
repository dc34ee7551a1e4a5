// The chains that are given to `createPetrel`, and the options that may be given for each of them.

import { loadChain, type RollupConfig } from './chains.js';
import { PetrelError } from '../shared/errors.js';
import { bad } from './options.js';
import { suggest } from './suggest.js';

/** A chain as viem has it: its id and its name count. */
export interface ViemChain {
  readonly id: number;
  readonly name: string;
}

/** A chain of the package by name (`'base-mainnet'`, `'base'`) or id, or as viem's object; any OP Stack chain as its `rollup.json`. */
export type ChainRef = string | number | bigint | ViemChain | RollupConfig;

/** How many chains one `createPetrel` follows: each has three connections, and a window of blocks in the module's memory. */
export const MAX_CHAINS = 16;

/** The `rollup.json` of a chain. An object that is neither viem's nor a `rollup.json` is refused later, by the node. */
export async function rollupOf(chain: ChainRef): Promise<unknown> {
  if (typeof chain === 'string' || typeof chain === 'number') return loadChain(chain);
  if (typeof chain === 'bigint') return loadChain(String(chain));
  if (typeof chain !== 'object' || chain === null) throw bad(`${String(chain)} is no chain`, 'give a name, an id, or an object');
  if (!isViem(chain)) return chain;
  return loadChain(chain.id).catch((thrown: unknown) => {
    if (!(thrown instanceof PetrelError) || thrown.code !== 'unknown_chain') throw thrown;
    const message = `this package does not know the chain ${JSON.stringify(String(chain.name))} (${String(chain.id)})`;
    throw new PetrelError({ code: 'unknown_chain', message, remedy: `give its rollup.json instead of viem's object; ${thrown.remedy}` });
  });
}

function isViem(chain: object): chain is ViemChain {
  return 'id' in chain && 'name' in chain && !('l2_chain_id' in chain) && !('genesis' in chain);
}

/** The names of a list of chains. */
export class ChainNames {
  /** In the order of the chains: ids as text, and names. */
  readonly #names: readonly (readonly string[])[];

  /** @throws {PetrelError} `bad_options`: two chains have the same id. */
  constructor(rollups: readonly unknown[]) {
    this.#names = rollups.map(namesOf);
    const ids = this.#names.map(([id]) => id);
    const twice = ids.find((id, at) => ids.indexOf(id) !== at);
    if (twice !== undefined) throw bad(`the chain ${twice} is given twice`, 'give each chain once');
  }

  get size(): number {
    return this.#names.length;
  }

  /** Which of the chains it is; -1 when it is none. */
  indexOf(chain: unknown): number {
    const name = nameOf(chain);
    return this.#names.findIndex((names) => names.includes(name));
  }

  /** An error that names the chains that there are. */
  unknown(chain: unknown): PetrelError {
    const name = nameOf(chain);
    const message = `${JSON.stringify(name)} is none of the chains that are followed`;
    return new PetrelError({ code: 'unknown_chain', message, remedy: this.#remedy(name) });
  }

  /**
   * A value of each chain, from an option that is an object of values by a chain's id or name.
   *
   * @throws {PetrelError} `bad_options`: a key is the name of no chain, or two are names of the same.
   */
  each<T>(option: string, values: Readonly<Record<string, T>>): (T | undefined)[] {
    const found: (T | undefined)[] = this.#names.map(() => undefined);
    for (const [name, value] of Object.entries(values)) {
      const at = this.indexOf(name);
      if (at < 0) throw bad(`the option ${option} has ${JSON.stringify(name)}, which is none of the chains`, this.#remedy(name));
      if (found[at] !== undefined) throw bad(`the option ${option} has the chain ${this.#names[at]?.[0]} twice`, 'give each chain once');
      found[at] = value;
    }
    return found;
  }

  #remedy(name: string): string {
    const [similar] = suggest(name, this.#names.flat(), 1);
    const all = this.#names.map(([id, slug]) => (slug === undefined ? id : `${id} ('${slug}')`)).join(', ');
    return `${similar ? `give '${similar}' instead; ` : ''}the chains are ${all}`;
  }
}

/** Of an object its id. */
function nameOf(chain: unknown): string {
  if (typeof chain !== 'object' || chain === null) return String(chain);
  const { l2_chain_id, id } = chain as { l2_chain_id?: unknown; id?: unknown };
  return String(l2_chain_id ?? id);
}

function namesOf(rollup: unknown): string[] {
  const { l2_chain_id: id, petrel } = (rollup ?? {}) as { l2_chain_id?: unknown; petrel?: Readonly<Record<string, unknown>> };
  const { slug, aliases, name } = petrel ?? {};
  const names = [slug, ...(Array.isArray(aliases) ? (aliases as unknown[]) : []), name];
  return [String(id), ...names.filter((name) => typeof name === 'string')];
}
