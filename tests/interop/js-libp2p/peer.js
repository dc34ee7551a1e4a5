// A js-libp2p host that executes commands and emits events, in Node and in a tab: gossipsub with op-node's parameters, and
// payload_by_number with given responses. Commands and events are those of ../go-libp2p/main.go. It validates nothing.

import { gossipsub } from '@libp2p/gossipsub';
import { identify } from '@libp2p/identify';
import { noise } from '@libp2p/noise';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { uncompress } from 'snappyjs';

// Maximum bytes of a message and of an RPC (op-node: maxGossipSize).
const MAX_MESSAGE = 10 << 20;
// The timeout of a dial and of a response, milliseconds.
const TIMEOUT = 120_000;
// The timeout of a ping, after which the connection is closed, milliseconds. On a busy machine a tab that decrypts 10 MiB answers late.
const PONG = 100_000;

/**
 * Starts the host with these transports. `files` loads and saves the files of commands, `emit` receives events.
 * It has no ping service on purpose: without one js-libp2p still pings us, as by default, and disconnects when no answer arrives.
 */
export async function start({ listen, topic, protocol, transports, files, emit }) {
  const answers = new Map();
  const node = await createLibp2p({
    addresses: { listen: listen ? [listen] : [] },
    transports,
    connectionEncrypters: [noise()],
    // js-libp2p closes a WebSocket with more than 4 MiB of undecrypted bytes, and a stream's window would grow to 16 MiB.
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
        // So that a message that cannot be sent is an error instead of a log line.
        batchPublish: true,
        heartbeatInterval: 500,
        maxInboundDataLength: MAX_MESSAGE,
      }),
    },
  });
  node.addEventListener('connection:open', ({ detail }) => {
    emit({ event: 'connected', peer: detail.remotePeer.toString(), address: detail.remoteAddr.toString() });
  });
  node.addEventListener('connection:close', ({ detail }) => {
    emit({ event: 'gone', peer: detail.remotePeer.toString() });
  });
  const { pubsub } = node.services;
  pubsub.addEventListener('subscription-change', ({ detail }) => {
    if (detail.subscriptions.some((one) => one.topic === topic && one.subscribe)) {
      emit({ event: 'joined', peer: detail.peerId.toString(), topic });
    }
  });
  pubsub.addEventListener('gossipsub:message', async ({ detail }) => {
    const { data } = detail.msg;
    emit({ event: 'message', peer: detail.propagationSource.toString(), digest: hex(await sha256(data)), bytes: data.length });
  });
  pubsub.subscribe(topic);
  await node.handle(protocol, (stream) => answer(stream, answers).catch((error) => stream.abort(error)));
  for (const address of node.getMultiaddrs()) emit({ event: 'listening', address: address.toString() });

  const execute = async (command) => {
    switch (command.do) {
      case 'dial':
        await node.dial(multiaddr(command.address));
        return;
      case 'publish': {
        const { recipients } = await pubsub.publish(topic, await files.load(command.file));
        if (recipients.length === 0) throw new Error('gossipsub sent the message to no peer');
        return;
      }
      case 'serve':
        answers.set(BigInt(command.number), await files.load(command.file));
        emit({ event: 'serving' });
        return;
      case 'ask': {
        const bytes = await ask(node, command, protocol);
        await files.save(command.file, bytes);
        emit({ event: 'answered', bytes: bytes.length });
        return;
      }
      case 'pinged':
        await pinged(node, command);
        emit({ event: 'pinged' });
        return;
      default:
        throw new Error('not a command');
    }
  };
  return (command) =>
    execute(command).catch((error) => emit({ event: 'failed', do: command.do, error: String(error?.message ?? error) }));
}

/** Sends the response for the requested number, or the byte for "not found". */
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

/** Waits until js-libp2p has the result of a ping on the connection: the pong, or that the peer does not support the protocol. */
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

/** op-node's message id. */
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
