// The package in Node as it is published: packed, installed, imported by its name.

import test from 'node:test';

import { app, check, ran } from './installed.js';

test('an app in Node names a chain and has a follower of it', { timeout: 300_000 }, async (t) => {
  check(JSON.parse(await ran(await app(t), process.execPath, ['node.js'])), 'page');
});
