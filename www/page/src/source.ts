// The chain and its relays: from the page's own URL, or from the daemon that serves the page.

import type { FollowerOptions } from 'petrel';

/** What `createFollower` needs, and what the daemon's `relay.json` holds. */
export type Source = Pick<FollowerOptions, 'chain' | 'relays' | 'signer'>;

/** `relay.json`; with `record` the daemon's present addresses are in its signed record. */
type Served = Source & { readonly record?: boolean };

/** Milliseconds for the daemon's response. */
const TIMEOUT = 10_000;

/**
 * Reads both. `?relay=` (may be repeated), `?chain=` and `?signer=` take precedence over `relay.json`, which is not requested when
 * both a relay and a chain are given. `null` when there is no relay.
 */
export async function source(url: URL): Promise<Source | null> {
  const relays = url.searchParams.getAll('relay').filter((relay) => relay !== '');
  const chain = url.searchParams.get('chain') || undefined;
  const signer = (url.searchParams.get('signer') || undefined) as FollowerOptions['signer'] | undefined;
  const served = relays.length > 0 && chain ? null : await daemon(url);
  const found = { chain: chain ?? served?.chain, relays: relays.length > 0 ? relays : relaysOf(served, url) };
  if (!found.chain || found.relays.length === 0) return null;
  // The daemon's signer is valid for the daemon's chain only.
  const trusted = signer ?? (chain ? undefined : served?.signer);
  return { chain: found.chain, relays: found.relays, ...(trusted ? { signer: trusted } : {}) };
}

async function daemon(url: URL): Promise<Served | null> {
  const response = await fetch(new URL('relay.json', url), { cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT) });
  const json = response.headers.get('content-type')?.includes('json') ?? false;
  return response.ok && json ? ((await response.json()) as Served) : null;
}

function relaysOf(served: Served | null, url: URL): readonly string[] {
  return served?.record ? [url.origin] : (served?.relays ?? []);
}
