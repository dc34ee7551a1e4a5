// Which tab leads where no worker is shared: with locks of the test's own, which work as Web Locks do.

import assert from 'node:assert/strict';
import test from 'node:test';

import { packageDist } from '../../folders.js';
import { turns } from './fake-worker.js';

const { Election } = await import(new URL('worker/tabs/election.js', packageDist));

/** Web Locks of one name: exclusive, with `signal` and `steal`. */
class Locks {
  #held;
  #waiting = [];

  request(_, { signal, steal }, hold) {
    return new Promise((resolve, reject) => {
      const request = { resolve, reject, hold };
      signal?.addEventListener('abort', () => {
        this.#waiting = this.#waiting.filter((other) => other !== request);
        reject(signal.reason);
      });
      if (steal) {
        this.#held?.reject(new Error('stolen'));
        this.#grant(request);
      } else {
        this.#waiting.push(request);
        this.#next();
      }
    });
  }

  #next() {
    if (!this.#held && this.#waiting.length > 0) this.#grant(this.#waiting.shift());
  }

  #grant(request) {
    this.#held = request;
    request.hold().then(() => {
      if (this.#held !== request) return;
      this.#held = undefined;
      request.resolve();
      this.#next();
    });
  }
}

/** Tabs that hear each other unless they are frozen. */
function tabs(t, count) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const locks = new Locks();
  const all = [];
  for (let at = 0; at < count; at += 1) {
    const tab = { state: 'new', changes: 0, frozen: false };
    const change = (state) => (tab.state = state) && (tab.changes += 1);
    tab.election = new Election(`tab ${at}`, 'leader', {
      locks,
      say: (message) => tab.frozen || all.forEach((other) => other !== tab && !other.frozen && other.election.heard(message)),
      lead: () => change('leads'),
      resign: () => change('resigned'),
      follow: ({ id }) => change(`follows ${id}`),
    });
    all.push(tab);
  }
  return all;
}

async function pass(t, beats) {
  for (let beat = 0; beat < beats; beat += 1) {
    t.mock.timers.tick(150);
    await turns();
  }
}

const states = (all) => all.map(({ state }) => state);

test('one tab leads, the others follow it, and one of them leads when it ends', async (t) => {
  const all = tabs(t, 3);
  for (const { election } of all) election.begin();
  await pass(t, 10);
  assert.deepEqual(states(all), ['leads', 'follows tab 0', 'follows tab 0']);
  assert.deepEqual(all.map(({ changes }) => changes), [1, 1, 1]);
  all[0].election.end();
  await turns();
  assert.deepEqual(states(all.slice(1)), ['leads', 'follows tab 1'], 'at once');
});

test('a frozen leader is replaced after four beats, and follows when it goes on', async (t) => {
  const all = tabs(t, 3);
  for (const { election } of all) election.begin();
  await pass(t, 2);
  all[0].frozen = true;
  await pass(t, 2);
  assert.deepEqual(states(all), ['leads', 'follows tab 0', 'follows tab 0']);
  await pass(t, 2);
  const leaders = all.slice(1).filter(({ state }) => state === 'leads');
  assert.equal(leaders.length, 1);
  all[0].frozen = false;
  await pass(t, 10);
  assert.equal(states(all).filter((state) => state === 'leads').length, 1);
  assert.match(all[0].state, /follows/);
});

test('what a leader of the past says is not believed', async (t) => {
  const all = tabs(t, 2);
  for (const { election } of all) election.begin();
  await pass(t, 2);
  const { term } = all[0].election.leader;
  all[1].election.heard({ type: 'leads', leader: { term: term - 1, id: 'the past' } });
  assert.equal(all[1].state, 'follows tab 0');
  all[0].election.heard({ type: 'leads', leader: { term: term + 1, id: 'tab 9' } });
  assert.equal(all[0].state, 'follows tab 9', 'a later one is');
  assert.equal(all[0].changes, 3);
});
