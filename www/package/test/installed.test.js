// The package in Node as it is published: packed, installed, imported by its name.

import test from 'node:test';

import { app, check, output } from './installed.js';

test('an app in Node creates a follower of a named chain', { timeout: 300_000 }, async (t) => {
  check(JSON.parse(await output(await app(t), process.execPath, ['--experimental-websocket', 'node.js'])), 'worker');
});
