// Numbers and names for display.

const whole = new Intl.NumberFormat();

export function count(value: number): string {
  return whole.format(value);
}

export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** `0x1234…cdef` */
export function short(hex: string, head = 6, tail = 4): string {
  return hex.length <= head + tail + 1 ? hex : `${hex.slice(0, head)}…${hex.slice(-tail)}`;
}

/** The end of a peer id; the beginning is the same for all of one key type. */
export function peer(id: string): string {
  return `…${id.slice(-6)}`;
}

export function bytes(value: number): string {
  if (value < 1000) return `${value} B`;
  if (value < 1_000_000) return `${(value / 1000).toFixed(value < 10_000 ? 1 : 0)} kB`;
  return `${(value / 1_000_000).toFixed(value < 10_000_000 ? 2 : 1)} MB`;
}

/** Milliseconds, from ten seconds on in seconds, with the minus sign U+2212. */
export function delay(ms: number): string {
  const sign = ms < 0 ? '−' : '';
  const size = Math.abs(ms);
  return size < 10_000 ? `${sign}${count(Math.round(size))} ms` : `${sign}${count(Math.round(size / 1000))} s`;
}

/** The time between blocks. */
export function interval(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
}

/** The time of day of this moment, in Unix milliseconds: `HH:MM:SS.mmm`. */
export function clock(ms: number): string {
  const at = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

/** Forks whose names are capitalised: the OP Stack's, Base's, opBNB's. */
const FORKS = [
  ...['bedrock', 'regolith', 'canyon', 'delta', 'ecotone', 'fjord', 'granite', 'holocene', 'isthmus', 'jovian', 'karst', 'lagoon'],
  ...['azul', 'beryl', 'cobalt', 'denim', 'everest', 'zenith', 'fermat', 'snow', 'haber', 'wright', 'volta', 'fourier', 'laplace'],
];

/** A fork's name; one that is unknown here is shown unchanged. */
export function fork(name: string): string {
  return FORKS.includes(name) ? capital(name) : name;
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A duration in seconds, rounded down. */
export function age(seconds: number): string {
  if (seconds < 1) return 'now';
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h`;
}

export function time(at: Date): string {
  return at.toLocaleTimeString(undefined, { hour12: false });
}

/** Host and port of a multiaddr, for display. */
export function address(multiaddr: string): string {
  const [, protocol, host, , port] = multiaddr.split('/');
  return `${protocol === 'ip6' ? `[${host}]` : host}:${port}`;
}

/** The certificates that a multiaddr names. */
export function certificates(multiaddr: string): string[] {
  const parts = multiaddr.split('/');
  return parts.filter((_, at) => parts[at - 1] === 'certhash');
}

/** The transport of a multiaddr that a browser dials, as in events. */
export function transport(multiaddr: string): string {
  const parts = multiaddr.split('/');
  if (parts.includes('webtransport')) return 'webtransport';
  return parts.includes('wss') || parts.includes('tls') ? 'wss' : 'ws';
}
