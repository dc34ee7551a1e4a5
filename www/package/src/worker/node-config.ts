// The configuration that the page gives, taken apart: the node gets and checks it, except for the URLs of relays, which it does not know.

import { isUrl } from './relay-records.js';

/** As JSON, from the page. */
interface Given {
  readonly relays: unknown;
  readonly chain?: unknown;
  readonly advertisedRelays?: boolean;
  /** Relays that an earlier run knew. */
  readonly restored_relays?: readonly string[];
  /** The `rollup.json`s of the other chains that the same relays are given for: a relay of one of them is no failure. */
  readonly other_chains?: readonly unknown[];
}

export interface NodeConfig {
  /** What the node gets, as JSON. */
  readonly node: string;
  /** The relays as they are given, and the URLs among them. */
  readonly relays: readonly unknown[];
  readonly urls: readonly string[];
  readonly advertisedRelays: boolean;
  /** Relays of an earlier run that are added when each URL has answered. */
  readonly later: readonly string[];
  /** The chain, as JSON, and the other chains that the relays are given for. */
  readonly chain: string;
  readonly otherChains: readonly string[];
}

/** Relays of an earlier run that are tried at most, after those that are given. */
const MAX_RESTORED = 32;

export function nodeConfig(json: string): NodeConfig {
  const given = JSON.parse(json) as Given;
  const { relays, advertisedRelays = true, restored_relays: restored = [], other_chains: otherChains = [], ...others } = given;
  const list = Array.isArray(relays) ? (relays as unknown[]) : null;
  const isUrlOf = (relay: unknown): relay is string => typeof relay === 'string' && isUrl(relay);
  const urls = (list ?? []).filter(isUrlOf);
  const addresses = list ? list.filter((relay) => !isUrlOf(relay)) : relays;
  // Relays that are given are tried before those that an earlier run knew: where URLs are given, these wait for the records.
  const waits = urls.length > 0;
  return {
    node: JSON.stringify({ ...others, relays: addresses, restored_relays: waits ? [] : restored, expects: waits }),
    relays: list ?? [],
    urls,
    advertisedRelays,
    later: waits ? restored.slice(0, MAX_RESTORED) : [],
    chain: JSON.stringify(others.chain ?? null),
    otherChains: otherChains.map((chain) => JSON.stringify(chain)),
  };
}
