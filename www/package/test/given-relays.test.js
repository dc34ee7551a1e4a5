// What becomes of the relays that were given.

import assert from 'node:assert/strict';
import test from 'node:test';

import { packageDist } from '../../folders.js';

const { GivenRelays } = await import(new URL('worker/given-relays.js', packageDist));

const PEER = '16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv';
const URL_RELAY = 'https://relay.example/page';
const ADDRESS = `/dns4/relay.example/tcp/443/wss/p2p/${PEER}`;
const OTHER = `/ip4/192.0.2.1/tcp/9/ws/p2p/${PEER}`;

function after(relays, events) {
  const given = new GivenRelays(relays);
  events.forEach((event) => given.track(event));
  return given.statuses();
}

const connected = (address, tried = []) => ({ event: 'connected', peer: PEER, address, tried });
const found = { event: 'relay_found', url: 'https://relay.example', peer: PEER };
const failed = { event: 'record_failed', url: 'https://relay.example', message: 'status 404' };

test('a URL waits, fails with its record, and is connected when the relay of its record is', () => {
  const of = (...events) => after([URL_RELAY], events)[0];
  assert.deepEqual(of(), { relay: URL_RELAY, peer: null, state: 'waiting', error: null });
  assert.deepEqual(of(failed), { relay: URL_RELAY, peer: null, state: 'failed', error: 'status 404' });
  assert.deepEqual(of(failed, found), { relay: URL_RELAY, peer: PEER, state: 'waiting', error: null });
  assert.equal(of(found, { event: 'dial_failed', peer: PEER, error: 'refused' }).error, 'refused');
  assert.equal(of(found, connected(ADDRESS), failed).state, 'connected');
  assert.equal(of(found, connected(ADDRESS), failed, { event: 'disconnected', peer: PEER }).state, 'failed');
});

test('a URL whose record is of another chain is neither waiting nor failed, until its record is of this one', () => {
  const given = new GivenRelays([URL_RELAY]);
  given.track(found);
  given.ofOther('https://relay.example');
  assert.deepEqual(given.statuses(), [{ relay: URL_RELAY, peer: null, state: 'other_chain', error: null }]);
  given.track(failed);
  assert.equal(given.statuses()[0].state, 'failed');
  given.ofOther('https://relay.example');
  given.track(found);
  assert.equal(given.statuses()[0].state, 'waiting');
});

test('of two addresses of one relay, each has its own state', () => {
  const [first, second] = after([ADDRESS, OTHER], [connected('/ip4/192.0.2.1/tcp/9/ws', [{ address: ADDRESS, error: 'no such host' }])]);
  assert.deepEqual([first.state, first.error, second.state], ['failed', 'no such host', 'connected']);
});

test('other relays change nothing', () => {
  const other = { event: 'connected', peer: 'other', address: '/ip4/192.0.2.2/tcp/1/ws' };
  assert.deepEqual(after([ADDRESS, URL_RELAY], [other, { ...failed, url: 'https://other.example' }]).map(({ state }) => state), ['waiting', 'waiting']);
});
