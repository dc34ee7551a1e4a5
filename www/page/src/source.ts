// The chain and its relays: from the page's own URL, or from the daemon that serves the page. Whoever makes a link to this page chooses
// its URL, so a signer in it is compared with what the daemon and the package know.

import { loadChain, type FollowerOptions } from 'petrel';

/** What `createFollower` needs of the daemon's `relay.json`. */
type Source = Pick<FollowerOptions, 'chain' | 'relays' | 'signer'>;

/** `relay.json`; with `record` the daemon's present addresses are in its signed record. */
type Served = Source & { readonly record?: boolean };

/** What to follow. */
export interface Found {
  readonly options: Source;
  /** A signer in the page's URL that neither the daemon nor the package knows as the chain's: its blocks may be anybody's. */
  readonly foreignSigner: ForeignSigner | null;
}

export interface ForeignSigner {
  readonly signer: string;
  /** The chain's own one; `null` when it is not known. */
  readonly own: string | null;
}

/** Milliseconds for the daemon's response. */
const TIMEOUT = 10_000;

/**
 * Reads both. `?relay=` (may be repeated), `?chain=` and `?signer=` take precedence over `relay.json`, which is not requested when
 * a relay and a chain are given and no signer. `null` when there is no relay.
 */
export async function source(url: URL): Promise<Found | null> {
  const relays = url.searchParams.getAll('relay').filter((relay) => relay !== '');
  const chain = url.searchParams.get('chain') || undefined;
  const signer = (url.searchParams.get('signer') || undefined) as FollowerOptions['signer'] | undefined;
  const isComplete = relays.length > 0 && chain !== undefined;
  // Where the daemon is needed for the comparison alone, there may be none.
  const served = isComplete ? await (signer ? daemon(url).catch(() => null) : null) : await daemon(url);
  const found = { chain: chain ?? served?.chain, relays: relays.length > 0 ? relays : relaysOf(served, url) };
  if (!found.chain || found.relays.length === 0) return null;
  // The daemon's signer is valid for the daemon's chain only.
  const servedSigner = chain ? undefined : served?.signer;
  const trusted = signer ?? servedSigner;
  const options = { chain: found.chain, relays: found.relays, ...(trusted ? { signer: trusted } : {}) };
  return { options, foreignSigner: signer ? await foreign(signer, found.chain, served) : null };
}

/** `null` when the daemon or the package names this signer for this chain. */
async function foreign(signer: string, chain: Source['chain'], served: Served | null): Promise<ForeignSigner | null> {
  const rollup = typeof chain === 'object' ? chain : await loadChain(chain).catch(() => null);
  const { signer: preset } = (rollup?.['petrel'] ?? {}) as { signer?: string };
  const servedId = idOf(served?.chain);
  const own = [rollup && servedId === rollup.l2_chain_id ? served?.signer : undefined, preset].filter((known) => known !== undefined);
  const isOwn = own.some((known) => known.toLowerCase() === signer.toLowerCase());
  return isOwn ? null : { signer, own: own[0] ?? null };
}

function idOf(chain: Source['chain'] | undefined): number | undefined {
  return typeof chain === 'object' ? chain.l2_chain_id : undefined;
}

async function daemon(url: URL): Promise<Served | null> {
  const response = await fetch(new URL('relay.json', url), { cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT) });
  const json = response.headers.get('content-type')?.includes('json') ?? false;
  return response.ok && json ? ((await response.json()) as Served) : null;
}

function relaysOf(served: Served | null, url: URL): readonly string[] {
  return served?.record ? [url.origin] : (served?.relays ?? []);
}
