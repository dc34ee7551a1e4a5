// The chains that the package knows by name. Each is a small module, which is loaded when the chain is named.

import list, { type Listed } from './chains/index.js';
import { PetrelError, text } from '../shared/errors.js';
import { suggest } from './suggest.js';

/** op-node's `rollup.json`: what a node needs of it. Other keys are allowed. */
export interface RollupConfig {
  readonly l1_chain_id: number;
  readonly l2_chain_id: number;
  /** Whole seconds. Base's 200 ms and opBNB's 250 ms follow from their upgrades; other intervals are under `petrel`. */
  readonly block_time: number;
  readonly genesis: {
    readonly l2_time: number;
    readonly l2: { readonly number: number; readonly hash: string };
  };
  readonly [key: string]: unknown;
}

/** A chain that the package has. */
export interface ChainName {
  /** The chain id. */
  readonly id: number;
  /** The name that `chain` takes. */
  readonly slug: string;
  /** The name to show. */
  readonly name: string;
}

/** The chains that the package has, in order of chain id. */
export function chains(): ChainName[] {
  return list.map(({ id, slug, name }) => ({ id, slug, name }));
}

/**
 * The `rollup.json` of a chain that the package has, by its name (`'base-mainnet'`), another name (`'base'`) or its chain id
 * (`8453`, `'8453'`). Its key `petrel` has the signer of the chain's blocks, and the dates of the signer and of the schedule.
 *
 * Rejects with a `PetrelError` when there is none (`unknown_chain`), or when its module cannot be loaded (`not_started`).
 */
export async function loadChain(chain: string | number): Promise<RollupConfig> {
  const name = String(chain);
  const found = list.find(({ id, slug, aliases }) => String(id) === name || slug === name || aliases.includes(name));
  if (!found) throw unknown(chain);
  const { default: rollup } = await found.load().catch((thrown: unknown) => notLoaded(found, thrown));
  // The module is shared by all callers.
  return structuredClone(rollup);
}

/** The remedy for an object that is no `rollup.json`. */
export function instead(given: object): string {
  const { l2_chain_id, id, petrel, slug, name } = given as Record<string, unknown>;
  const words = [l2_chain_id, id, (petrel as { slug?: unknown } | undefined)?.slug, slug, name];
  const similar = words.filter((word) => typeof word === 'string' || typeof word === 'number').flatMap((word) => nearest(String(word)));
  return `give the object that op-node's --rollup.config takes, or a chain of this package by name or id${suggested(similar)}`;
}

function unknown(chain: string | number): PetrelError {
  return new PetrelError({
    code: 'unknown_chain',
    message: `${JSON.stringify(chain)} names no chain of this package`,
    remedy: `give a name or an id that chains() has${suggested(nearest(String(chain)))}; any other chain as its rollup.json object`,
  });
}

function suggested(chains: readonly Listed[]): string {
  const unique = [...new Set(chains)].slice(0, 3).map(({ id, slug }) => `'${slug}' (${id})`);
  return unique.length > 0 ? `, ${unique.join(' or ')} perhaps` : '';
}

/** The chains whose names or ids resemble this word. */
function nearest(word: string): Listed[] {
  const names = new Map<string, Listed>();
  for (const chain of list) {
    for (const name of [chain.slug, ...chain.aliases, chain.name, String(chain.id)]) names.set(name, chain);
  }
  return suggest(word, [...names.keys()]).flatMap((name) => names.get(name) ?? []);
}

function notLoaded({ slug }: Listed, thrown: unknown): never {
  throw new PetrelError({
    code: 'not_started',
    message: `the module of the chain ${slug} could not be loaded: ${text(thrown)}`,
    remedy: "reload the page, and serve all of the package's scripts",
  });
}
