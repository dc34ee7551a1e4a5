// Which chain, which relay: from the page's own URL, or from the daemon that serves the page.

import type { FollowerOptions } from 'petrel';

/** What `createFollower` needs, and what the daemon's `relay.json` holds. */
export type Source = Pick<FollowerOptions, 'chain' | 'relays' | 'signer'>;

/** `relay.json`; a daemon that has a `record` says there where it is from day to day. */
type Served = Source & { readonly record?: boolean };

/** The daemon answers at once or is gone. */
const PATIENCE = 10_000;

/**
 * Finds it. `?relay=` (may be repeated), `?chain=` and `?signer=` win over `relay.json`; with both a relay and a chain
 * nobody is asked. `null` when neither names a relay.
 */
export async function source(url: URL): Promise<Source | null> {
  const relays = url.searchParams.getAll('relay').filter((relay) => relay !== '');
  const chain = url.searchParams.get('chain') || undefined;
  const signer = (url.searchParams.get('signer') || undefined) as FollowerOptions['signer'] | undefined;
  const served = relays.length > 0 && chain ? null : await daemon(url);
  const found = { chain: chain ?? served?.chain, relays: relays.length > 0 ? relays : told(served, url) };
  if (!found.chain || found.relays.length === 0) return null;
  // Another chain than the daemon's has another signer.
  const believed = signer ?? (chain ? undefined : served?.signer);
  return { chain: found.chain, relays: found.relays, ...(believed ? { signer: believed } : {}) };
}

async function daemon(url: URL): Promise<Served | null> {
  const response = await fetch(new URL('relay.json', url), { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
  const json = response.headers.get('content-type')?.includes('json') ?? false;
  return response.ok && json ? ((await response.json()) as Served) : null;
}

function told(served: Served | null, url: URL): readonly string[] {
  return served?.record ? [url.origin] : (served?.relays ?? []);
}
