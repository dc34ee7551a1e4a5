// A js-libp2p host that obeys commands and tells events, in Node and in a tab alike: gossipsub as op-node has it, and
// payload_by_number with bytes that it is given. Commands and events are those of ../go-libp2p/main.go. It judges nothing.

import { gossipsub } from '@libp2p/gossipsub';
import { identify } from '@libp2p/identify';
import { noise } from '@libp2p/noise';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { uncompress } from 'snappyjs';

// Bytes of a message at most, and of an RPC (op-node: maxGossipSize).
const MAX_MESSAGE = 10 << 20;
// An answer takes no longer.
const TIMEOUT = 120_000;
// Nor does the answer to a ping, or the connection is given up. On a busy machine a tab that decrypts 10 MiB comes to it late.
const PONG = 100_000;

/**
 * Starts it with these transports. `files` loads and saves what commands name, `tell` takes events.
 * There is no ping service on purpose: js-libp2p pings us without one, as it does by default, and leaves when no answer comes.
 */
export async function start({ listen, topic, protocol, transports, files, tell }) {
  const answers = new Map();
  const node = await createLibp2p({
    addresses: { listen: listen ? [listen] : [] },
    transports,
    connectionEncrypters: [noise()],
    // A WebSocket on which more than 4 MiB wait to be decrypted is given up, and a stream's window would grow to sixteen.
    streamMuxers: [yamux({ streamOptions: { maxStreamWindowSize: 2 << 20 } })],
    connectionMonitor: { pingInterval: 1000, pingTimeout: { minTimeout: PONG, maxTimeout: PONG } },
    connectionManager: { dialTimeout: TIMEOUT, inboundUpgradeTimeout: TIMEOUT, outboundStreamProtocolNegotiationTimeout: TIMEOUT },
    connectionGater: { denyDialMultiaddr: () => false },
    services: {
      identify: identify({ timeout: TIMEOUT }),
      pubsub: gossipsub({
        globalSignaturePolicy: 'StrictNoSign',
        msgIdFn: messageId,
        floodPublish: true,
        // So that a message that cannot be sent is an error, and not a line in the log.
        batchPublish: true,
        heartbeatInterval: 500,
        maxInboundDataLength: MAX_MESSAGE,
      }),
    },
  });
  node.addEventListener('connection:open', ({ detail }) => {
    tell({ event: 'connected', peer: detail.remotePeer.toString(), address: detail.remoteAddr.toString() });
  });
  node.addEventListener('connection:close', ({ detail }) => {
    tell({ event: 'gone', peer: detail.remotePeer.toString() });
  });
  const { pubsub } = node.services;
  pubsub.addEventListener('subscription-change', ({ detail }) => {
    if (detail.subscriptions.some((one) => one.topic === topic && one.subscribe)) {
      tell({ event: 'joined', peer: detail.peerId.toString(), topic });
    }
  });
  pubsub.addEventListener('gossipsub:message', async ({ detail }) => {
    const { data } = detail.msg;
    tell({ event: 'message', peer: detail.propagationSource.toString(), digest: hex(await sha256(data)), bytes: data.length });
  });
  pubsub.subscribe(topic);
  await node.handle(protocol, (stream) => answer(stream, answers).catch((error) => stream.abort(error)));
  for (const address of node.getMultiaddrs()) tell({ event: 'listening', address: address.toString() });

  const obey = async (command) => {
    switch (command.do) {
      case 'dial':
        await node.dial(multiaddr(command.address));
        return;
      case 'publish': {
        const { recipients } = await pubsub.publish(topic, await files.load(command.file));
        if (recipients.length === 0) throw new Error('gossipsub gave the message to nobody');
        return;
      }
      case 'serve':
        answers.set(BigInt(command.number), await files.load(command.file));
        tell({ event: 'serving' });
        return;
      case 'ask': {
        const bytes = await ask(node, command, protocol);
        await files.save(command.file, bytes);
        tell({ event: 'answered', bytes: bytes.length });
        return;
      }
      case 'pinged':
        await pinged(node, command);
        tell({ event: 'pinged' });
        return;
      default:
        throw new Error('not a command');
    }
  };
  return (command) =>
    obey(command).catch((error) => tell({ event: 'failed', do: command.do, error: String(error?.message ?? error) }));
}

/** What was given for the number that is asked for, or the byte for "not found". */
async function answer(stream, answers) {
  const number = new Uint8Array(8);
  let have = 0;
  for await (const chunk of stream) {
    const bytes = chunk.subarray().subarray(0, 8 - have);
    number.set(bytes, have);
    have += bytes.length;
    if (have === 8) break;
  }
  if (have < 8) throw new Error('a short request');
  const bytes = answers.get(new DataView(number.buffer).getBigUint64(0, true)) ?? Uint8Array.of(1);
  for (let at = 0; at < bytes.length; at += 1 << 16) {
    if (!stream.send(bytes.subarray(at, at + (1 << 16)))) await stream.onDrain();
  }
  await stream.close();
}

function connected(node, peer) {
  const connection = node.getConnections().find((one) => one.remotePeer.toString() === peer);
  if (!connection) throw new Error('not connected');
  return connection;
}

/** Ends when js-libp2p has heard of a ping on the connection that is there: the pong, or that the peer has no such protocol. */
async function pinged(node, { peer }) {
  const connection = connected(node, peer);
  for (const begin = Date.now(); connection.rtt === undefined; ) {
    if (Date.now() - begin > TIMEOUT) throw new Error('no ping was answered');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function ask(node, { peer, number }, protocol) {
  const connection = connected(node, peer);
  const stream = await connection.newStream(protocol, { signal: AbortSignal.timeout(TIMEOUT) });
  const request = new DataView(new ArrayBuffer(8));
  request.setBigUint64(0, BigInt(number), true);
  stream.send(new Uint8Array(request.buffer));
  await stream.close();
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk.subarray());
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  chunks.reduce((at, chunk) => (bytes.set(chunk, at), at + chunk.length), 0);
  return bytes;
}

/** op-node's. */
async function messageId({ topic, data }) {
  const name = new TextEncoder().encode(topic);
  const [valid, body] = plain(data);
  const bytes = new Uint8Array(12 + name.length + body.length);
  bytes[0] = valid ? 1 : 0;
  new DataView(bytes.buffer).setBigUint64(4, BigInt(name.length), true);
  bytes.set(name, 12);
  bytes.set(body, 12 + name.length);
  return (await sha256(bytes)).subarray(0, 20);
}

function plain(data) {
  try {
    return [true, uncompress(data, MAX_MESSAGE)];
  } catch {
    return [false, data];
  }
}

async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}

function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
