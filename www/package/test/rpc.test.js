// Requests to RPCs that are not trusted: what they answer, and what they cost.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import test from 'node:test';

import { packageDist } from '../../folders.js';

const { isRpc, nameOf, request } = await import(new URL('page/rpc.js', packageDist));

/** A server that answers with this handler; its URL. */
async function server(t, handler) {
  const server = createServer(handler);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => (server.closeAllConnections(), server.close()));
  return `http://127.0.0.1:${server.address().port}/secret`;
}

test('URLs of http: and https:, and providers, are RPCs', () => {
  for (const rpc of ['https://rpc.example/key', new URL('http://127.0.0.1'), { request: () => {} }]) assert.ok(isRpc(rpc));
  for (const other of ['rpc.example', 'ws://rpc.example', '', {}, { request: 7 }, null, undefined, 7, () => {}]) assert.ok(!isRpc(other), String(other));
  assert.equal(nameOf('https://user:password@rpc.example:8545/key?key=1'), 'rpc.example:8545');
});

test('a result is returned as it is, null too', async (t) => {
  const url = await server(t, (_, response) => response.end('{"jsonrpc":"2.0","id":1,"result":null}'));
  assert.equal(await request(url, 'eth_getBlockByHash', []), null);
  assert.deepEqual(await request({ request: async (given) => given }, 'eth_call', [7]), { method: 'eth_call', params: [7] });
});

test('an answer that is too long is not read to its end', async (t) => {
  let sent = 0;
  const url = await server(t, async (_, response) => {
    const part = Buffer.alloc(1 << 20, ' ');
    const closed = new AbortController();
    response.on('error', () => {}).on('close', () => closed.abort());
    for (; sent < 200 && !response.destroyed; sent += 1) {
      if (!response.write(part)) await once(response, 'drain', { signal: closed.signal }).catch(() => {});
    }
    response.end();
  });
  await assert.rejects(request(url, 'eth_call', []), { code: 'rpc_failed', message: /more than/ });
  assert.ok(sent < 120, `${sent} MiB were sent`);
});

test('a server that does not answer is left after a while, and a signal ends the wait and the request', async (t) => {
  let closed = 0;
  const url = await server(t, (request, response) => response.on('close', () => (closed += 1)));
  const controller = new AbortController();
  const asked = request(url, 'eth_call', [], controller.signal);
  const reason = new Error('enough');
  setTimeout(() => controller.abort(reason), 50);
  await assert.rejects(asked, (thrown) => thrown === reason);
  while (closed === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const late = assert.rejects(request(url, 'eth_call', []), { code: 'rpc_failed', message: /did not answer for 15 s/ });
  t.mock.timers.tick(15_000);
  await late;
});
