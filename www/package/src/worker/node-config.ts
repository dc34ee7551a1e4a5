// The configuration that the page gives, taken apart: the node gets and checks it, except for the URLs of relays, which it does not know.

import type { L1Config } from '../shared/l1.js';
import type { SignerSource } from '../shared/status.js';
import type { L1Target } from './l1-reading.js';
import { isUrl } from './relay-records.js';

/** As JSON, from the page. */
interface Given {
  readonly relays: unknown;
  readonly chain?: unknown;
  readonly signer?: unknown;
  readonly l1?: L1Config;
  readonly discover?: boolean;
  /** Relays that an earlier run knew; of each the address first by which it was connected last. */
  readonly restored_relays?: readonly string[];
  /** The `rollup.json`s of the other chains that the same relays are given for: a relay of one of them is no failure. */
  readonly other_chains?: readonly unknown[];
}

/** What is used of a chain's object here. The node checks it. */
interface Rollup {
  readonly l1_chain_id?: unknown;
  readonly l1_system_config_address?: unknown;
  readonly petrel?: { readonly signer_date?: unknown } | null;
}

export interface NodeConfig {
  /** What the node gets, as JSON. */
  readonly node: string;
  /** The relays as they are given, and the URLs among them. */
  readonly relays: readonly unknown[];
  readonly urls: readonly string[];
  readonly discover: boolean;
  /** Relays of an earlier run that are added when each URL has answered. */
  readonly later: readonly string[];
  /** The chain, as JSON, and the other chains that the relays are given for. */
  readonly chain: string;
  readonly otherChains: readonly string[];
  /** How the signer is read from L1, and the contract that has it; `undefined` when it is not read. */
  readonly l1: { readonly config: L1Config; readonly target: L1Target } | undefined;
  /** Where the signer comes from when it is not read. */
  readonly signerSource: SignerSource;
}

/** Relays of an earlier run that are tried at most, after those that are given. */
const MAX_RESTORED = 32;

export function nodeConfig(json: string): NodeConfig {
  const given = JSON.parse(json) as Given;
  const { relays, discover = true, restored_relays: restored = [], other_chains: otherChains = [], l1, ...others } = given;
  const list = Array.isArray(relays) ? (relays as unknown[]) : null;
  const isUrlOf = (relay: unknown): relay is string => typeof relay === 'string' && isUrl(relay);
  const urls = (list ?? []).filter(isUrlOf);
  const addresses = list ? list.filter((relay) => !isUrlOf(relay)) : relays;
  // Relays that are given are tried before those that an earlier run knew: where URLs are given, these wait for the records.
  const waits = urls.length > 0;
  return {
    node: JSON.stringify({ ...others, l1: l1 !== undefined, relays: addresses, restored_relays: waits ? [] : restored, dial_order: restored, expects: waits }),
    relays: list ?? [],
    urls,
    discover,
    later: waits ? restored.slice(0, MAX_RESTORED) : [],
    chain: JSON.stringify(others.chain ?? null),
    otherChains: otherChains.map((chain) => JSON.stringify(chain)),
    l1: l1 && { config: l1, target: targetOf((others.chain ?? {}) as Rollup) },
    signerSource: sourceOf(given),
  };
}

function sourceOf({ chain, signer }: Given): SignerSource {
  const none = { date: null, block: null, blockTime: null, readAt: null, error: null };
  if (signer !== undefined) return { from: 'option', ...none };
  const date = (chain as Rollup | null | undefined)?.petrel?.signer_date;
  return { from: 'preset', ...none, date: typeof date === 'string' ? date : null };
}

/** The node refuses a chain that has no such contract. */
function targetOf({ l1_chain_id: chain, l1_system_config_address: systemConfig }: Rollup): L1Target {
  return { systemConfig: String(systemConfig), chain: typeof chain === 'number' ? chain : null };
}
