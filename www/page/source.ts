// Which chain, which relay: from the page's own URL, or from the daemon that serves the page.

import type { FollowerOptions } from 'petrel';

/** What `createFollower` needs, and what the daemon's `relay.json` holds. */
export type Source = Pick<FollowerOptions, 'chain' | 'relays' | 'signer'>;

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
  const found = { chain: chain ?? served?.chain, relays: relays.length > 0 ? relays : reachable(served?.relays ?? [], url) };
  if (!found.chain || found.relays.length === 0) return null;
  // Another chain than the daemon's has another signer.
  const believed = signer ?? (chain ? undefined : served?.signer);
  return { chain: found.chain, relays: found.relays, ...(believed ? { signer: believed } : {}) };
}

async function daemon(url: URL): Promise<Source | null> {
  const response = await fetch(new URL('relay.json', url), { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
  const json = response.headers.get('content-type')?.includes('json') ?? false;
  return response.ok && json ? ((await response.json()) as Source) : null;
}

/**
 * The daemon lists where it listens; a browser elsewhere reaches it by the name in its address bar. Unspecified and
 * loopback addresses become the page's host, and addresses on the page's host are preferred to all others.
 */
export function reachable(relays: readonly string[], url: URL): string[] {
  const host = hostOf(url.hostname);
  const seen = relays.map((relay) => {
    const parts = relay.split('/');
    const [, protocol, address] = parts;
    if (protocol === undefined || address === undefined) return relay;
    const replaced = isUnspecified(address) || (isLoopback(address) && !isLoopback(host.address));
    return replaced ? ['', host.protocol, host.address, ...parts.slice(3)].join('/') : relay;
  });
  const unique = [...new Set(seen)];
  const here = unique.filter((relay) => relay.startsWith(`/${host.protocol}/${host.address}/`));
  return here.length > 0 ? here : unique;
}

function hostOf(hostname: string): { protocol: string; address: string } {
  if (hostname.startsWith('[')) return { protocol: 'ip6', address: hostname.slice(1, -1) };
  if (/^\d+\.\d+\.\d+\.\d+$/.test(hostname)) return { protocol: 'ip4', address: hostname };
  // Daemons listen on IPv4 first, and browsers may take localhost for IPv6.
  return hostname === 'localhost' ? { protocol: 'ip4', address: '127.0.0.1' } : { protocol: 'dns', address: hostname };
}

function isUnspecified(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address === 'localhost' || address.endsWith('.localhost');
}
