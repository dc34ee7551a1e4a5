// Evidence of two signed blocks of one height, from the node that kept them.

import type { ChainSource } from './chain-source.js';
import { whichBlock } from './chain-requests.js';

/** The JSON; `null` when two are not among the last signed blocks that are kept. */
export async function evidenceOf(source: ChainSource, number: number | bigint): Promise<string | null> {
  return (await source.call('evidence', whichBlock(number))) ?? null;
}
