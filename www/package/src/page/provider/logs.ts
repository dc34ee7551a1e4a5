// Filters of logs: EIP-1474's.

import { invalid } from './errors.js';
import { address, bytes } from './params.js';

/** A proven log, as `eth_getLogs` gives it. */
export interface RpcLog {
  readonly address: string;
  readonly topics: readonly string[];
  readonly data: string;
  readonly [key: string]: unknown;
}

/** A checked filter; hex in lower case. */
export interface LogFilter {
  readonly fromBlock: unknown;
  readonly toBlock: unknown;
  readonly blockHash: string | undefined;
  /** Of any of these; of any address when it is empty. */
  readonly addresses: readonly string[];
  /** By position: any of these topics, or any topic when it is `null`. */
  readonly topics: readonly (readonly string[] | null)[];
}

/** Values in a filter, as op-geth limits them: addresses, positions of topics, and topics of one position. */
const MAX_ADDRESSES = 1000;
const MAX_TOPICS = 4;
const MAX_ANY = 1000;

/** Checks the parameter of `eth_getLogs` or of a subscription. */
export function logFilter(value: unknown): LogFilter {
  if (typeof value !== 'object' || value === null) throw invalid('the filter is no object');
  const { fromBlock, toBlock, blockHash, address: addresses, topics = [], ...others } = value as Record<string, unknown>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw invalid(`the filter has the unknown key ${JSON.stringify(unknown)}`);
  if (blockHash !== undefined && (fromBlock !== undefined || toBlock !== undefined)) throw invalid('the filter has blockHash, and a range too');
  const list = addresses === undefined || addresses === null ? [] : Array.isArray(addresses) ? addresses : [addresses];
  if (list.length > MAX_ADDRESSES) throw invalid(`the filter has ${list.length} addresses, at most ${MAX_ADDRESSES} are allowed`);
  if (topics !== null && (!Array.isArray(topics) || topics.length > MAX_TOPICS)) throw invalid('the topics are no list of at most four');
  return {
    fromBlock,
    toBlock,
    blockHash: blockHash === undefined ? undefined : bytes(blockHash, 'blockHash', 32),
    addresses: list.map(address),
    topics: ((topics as unknown[] | null) ?? []).map(position),
  };
}

function position(value: unknown): readonly string[] | null {
  if (value === null || value === undefined) return null;
  const list = Array.isArray(value) ? (value as unknown[]) : [value];
  if (list.length > MAX_ANY) throw invalid(`the filter has ${list.length} topics at one position, at most ${MAX_ANY} are allowed`);
  const any = list.map((topic) => (topic === null ? null : bytes(topic, 'a topic', 32)));
  // An empty list, and one with null in it, match every topic, as in op-geth.
  return any.length === 0 || any.includes(null) ? null : (any as string[]);
}

export function matches(log: RpcLog, { addresses, topics }: LogFilter): boolean {
  if (addresses.length > 0 && !addresses.includes(log.address.toLowerCase())) return false;
  if (topics.length > log.topics.length) return false;
  return topics.every((any, at) => any === null || any.includes((log.topics[at] ?? '').toLowerCase()));
}

/** What a filter looks for: of each position one value must be in a log that matches, and so in the bloom of its block. */
export function wanted({ addresses, topics }: LogFilter): readonly (readonly string[])[] {
  return [addresses, ...topics].filter((any): any is readonly string[] => any !== null && any.length > 0);
}
