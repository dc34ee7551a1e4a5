// Steps of the test: each is one line on stdout, a JSON object, which the test of the devnet reads.

import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';

/** The built package. */
export const dist = pathToFileURL(`${process.env.PETREL_PACKAGE}/`);

let failed = 0;

/** Runs a step; a failure is told, and the next one goes on. */
export async function step(name, run) {
  const begin = performance.now();
  try {
    const detail = await run();
    print({ event: 'step', name, ms: Math.round(performance.now() - begin), detail });
  } catch (thrown) {
    failed += 1;
    print({ event: 'step', name, error: String(thrown?.stack ?? thrown) });
  }
}

export function done() {
  print({ event: 'done', failed });
}

function print(line) {
  console.log(JSON.stringify(line, (_, value) => (typeof value === 'bigint' ? String(value) : value)));
}

/** `ours` has what `theirs` has, except for keys that no root proves. */
export function assertSame(ours, theirs, unproven = [], at = '') {
  if (Array.isArray(theirs) && Array.isArray(ours)) {
    assert.equal(ours.length, theirs.length, `${at}: length`);
    return theirs.forEach((value, index) => assertSame(ours[index], value, unproven, `${at}[${index}]`));
  }
  if (typeof theirs !== 'object' || theirs === null) return assert.deepEqual(ours, theirs, at);
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(ours ?? {})])) {
    if (!unproven.includes(key)) assertSame(ours?.[key], theirs[key], unproven, `${at}.${key}`);
  }
}

/** Waits until `condition` returns something other than `undefined`. */
export async function until(condition, what, timeout = 30_000) {
  const end = Date.now() + timeout;
  for (;;) {
    const found = await condition();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`not in ${timeout} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
