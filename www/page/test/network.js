// The network between a tab and its relays: proxies that can be cut, and daemons beside the devnet's own.

import dgram from 'node:dgram';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { json, program, run } from './harness.js';

/** A TCP proxy to a relay: its multiaddr as `relay`, and `connect(on)`, which cuts or restores it. */
export async function tcpProxy(t, relay) {
  const [, , host, , port, ...rest] = relay.split('/');
  const sockets = new Set();
  let connected = true;
  const server = net.createServer((near) => {
    if (!connected) return near.destroy();
    const far = net.connect(Number(port), host);
    for (const [one, other] of [[near, far], [far, near]]) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => sockets.delete(one));
      one.pipe(other);
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const connect = (on) => {
    connected = on;
    if (!on) sockets.forEach((socket) => socket.destroy());
  };
  t.after(() => {
    connect(false);
    server.close();
  });
  return { relay: ['', 'ip4', '127.0.0.1', 'tcp', server.address().port, ...rest].join('/'), connect };
}

/**
 * A UDP proxy to a relay: datagrams of each port of the browser are forwarded from a port of their own. Its multiaddr as `relay`, and
 * `connect(on)`, which cuts or restores it.
 */
export async function udpProxy(t, relay) {
  const [, , host, , port, ...rest] = relay.split('/');
  const far = new Map();
  let connected = true;
  const near = dgram.createSocket('udp4');
  near.on('message', (datagram, from) => {
    if (!connected) return;
    if (!far.has(from.port)) {
      const socket = dgram.createSocket('udp4');
      socket.on('message', (answer) => connected && near.send(answer, from.port, from.address));
      far.set(from.port, socket);
    }
    far.get(from.port).send(datagram, Number(port), host);
  });
  await new Promise((resolve) => near.bind(0, '127.0.0.1', resolve));
  t.after(() => {
    near.close();
    far.forEach((socket) => socket.close());
  });
  const address = ['', 'ip4', '127.0.0.1', 'udp', near.address().port, ...rest].join('/');
  return { relay: address, connect: (on) => (connected = on) };
}

/**
 * A second daemon, which follows the first: where it listens by WebSocket and WebTransport, where its page is, and `restart()`, which
 * kills it and starts it again on the same files and ports.
 */
export async function follower(t, { chain, signer }, first, more = []) {
  const files = await mkdtemp(join(tmpdir(), 'petrel-'));
  t.after(() => rm(files, { recursive: true, force: true }));
  const rollup = join(files, 'rollup.json');
  await writeFile(rollup, JSON.stringify(chain));
  const start = async (ports) => {
    const daemon = run(t, program('PETREL_BIN', 'petrel'), [
      ...['node', '--rollup.config', rollup, '--p2p.unsafe-block-signer', signer, '--datadir', files],
      ...['--p2p.no-discovery', '--p2p.static', first, '--p2p.listen.ip=127.0.0.1', '--p2p.listen.tcp=0'],
      ...[`--p2p.listen.ws=${ports.ws}`, `--p2p.listen.webtransport=${ports.webtransport}`, `--http.port=${ports.http}`],
      ...['--events=json', '--log.level=info', ...more],
    ]);
    const [ws, webtransport] = [await listening(daemon, '/ws/'), await listening(daemon, '/webtransport/')];
    const url = await daemon.onStderr((line) => /http:\/\/\S+/.exec(line)?.[0]);
    return { daemon, ws, webtransport, url };
  };
  const started = await start({ ws: 0, webtransport: 0, http: 0 });
  const port = (address) => address.split('/')[4];
  const ports = { ws: port(started.ws), webtransport: port(started.webtransport), http: new URL(started.url).port };
  const restart = async () => {
    process.kill(started.daemon.pid, 'SIGKILL');
    await started.daemon.ended;
    return start(ports);
  };
  return { ...started, restart };
}

/** A TCP address, for `listening`. */
export const TCP = /\/tcp\/\d+\/p2p\//;

/** The address on which the daemon listens that matches `protocol`, a text or a pattern. */
export function listening(daemon, protocol) {
  return daemon.onStdout((line) => {
    const { event, address } = json(line) ?? {};
    return event === 'listening' && address.match(protocol) ? address : undefined;
  });
}
