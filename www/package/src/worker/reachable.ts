// A relay's addresses as they are seen from where its record was read.

/**
 * A relay lists where it listens; a browser elsewhere reaches it by the name that it was asked by. Unspecified and loopback
 * addresses become the host of `url`, and where there are such the others are left out: each that does not answer
 * would keep a tab from its next transport. (A daemon that is told where it is found lists no loopback address.)
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
