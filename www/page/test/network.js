// What is between a tab and its relays: cables that can be pulled, and daemons beside the devnet's own.

import dgram from 'node:dgram';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { json, program, run } from './harness.js';

/** A cable to a relay that can be pulled: its multiaddr, and `plug(in)`. */
export async function cable(t, relay) {
  const [, , host, , port, ...rest] = relay.split('/');
  const sockets = new Set();
  let plugged = true;
  const server = net.createServer((near) => {
    if (!plugged) return near.destroy();
    const far = net.connect(Number(port), host);
    for (const [one, other] of [[near, far], [far, near]]) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => sockets.delete(one));
      one.pipe(other);
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const plug = (on) => {
    plugged = on;
    if (!on) sockets.forEach((socket) => socket.destroy());
  };
  t.after(() => {
    plug(false);
    server.close();
  });
  return { relay: ['', 'ip4', '127.0.0.1', 'tcp', server.address().port, ...rest].join('/'), plug };
}

/**
 * A cable to a relay's UDP port that can be cut: datagrams of each browser's port go on from a port of its own. Its multiaddr, and
 * `plug(in)`.
 */
export async function udpCable(t, relay) {
  const [, , host, , port, ...rest] = relay.split('/');
  const far = new Map();
  let plugged = true;
  const near = dgram.createSocket('udp4');
  near.on('message', (datagram, from) => {
    if (!plugged) return;
    if (!far.has(from.port)) {
      const socket = dgram.createSocket('udp4');
      socket.on('message', (answer) => plugged && near.send(answer, from.port, from.address));
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
  return { relay: address, plug: (on) => (plugged = on) };
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
    const url = await daemon.said((line) => /http:\/\/\S+/.exec(line)?.[0]);
    return { daemon, ws, webtransport, url };
  };
  const begun = await start({ ws: 0, webtransport: 0, http: 0 });
  const port = (address) => address.split('/')[4];
  const ports = { ws: port(begun.ws), webtransport: port(begun.webtransport), http: new URL(begun.url).port };
  const restart = async () => {
    process.kill(begun.daemon.pid, 'SIGKILL');
    await begun.daemon.ended;
    return start(ports);
  };
  return { ...begun, restart };
}

/** TCP alone, for `listening`. */
export const TCP = /\/tcp\/\d+\/p2p\//;

/** Where it listens: an address that has this in it, a text or a pattern. */
export function listening(daemon, protocol) {
  return daemon.seen((line) => {
    const { event, address } = json(line) ?? {};
    return event === 'listening' && address.match(protocol) ? address : undefined;
  });
}
