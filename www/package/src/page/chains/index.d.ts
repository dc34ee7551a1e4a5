// The types of `chains/index.js`, which `build/chains.js` makes from the presets (`core/presets`).

import type { RollupConfig } from '../chains.js';

/** A chain that has a module of its own. */
export interface Listed {
  /** The chain id. */
  readonly id: number;
  /** The name that `chain` takes. */
  readonly slug: string;
  /** The name to show. */
  readonly name: string;
  /** Other names that `chain` takes. */
  readonly aliases: readonly string[];
  /** Loads its module. */
  readonly load: () => Promise<{ readonly default: RollupConfig }>;
}

/** In order of chain id. */
declare const list: readonly Listed[];
export default list;
