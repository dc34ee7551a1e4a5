// The types that mirror what Rust writes, compared with samples that Rust wrote: `samples/*.json`, from
// `core/tests/core/samples.rs` and `wasm/src/samples.rs`, which fail when they are out of date. A kind of event, a field, a
// value, a fault or a code that is on one side only, or a field of another type, is an error of the compiler here.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

import { packageDist } from '../../folders.js';

const { read } = await import(new URL('shared/events.js', packageDist));

/** Events of the daemon alone: a tab does not listen, persist contents of blocks or publish; what it reads from L1 fails as `l1_failed`. */
const DAEMON = [
  'stored', 'store', 'signer_unread', 'listening', 'listen_ended', 'observed', 'reachable',
  'shared_key', 'publish_failed', 'check_panicked',
];
/** Events and codes of the package itself. */
const PACKAGE = {
  events: ['relay_found', 'relay_clock', 'record_failed', 'l1_failed', 'rpc_lied', 'unverified', 'unproven'],
  codes: [
    'no_record', 'no_l1', 'wrong_l1', 'no_header', 'old_header', 'future_header', 'no_wasm', 'no_websocket', 'no_answer', 'stopped', 'no_rpc', 'rpc_failed',
    'rpc_error', 'rpc_wrong',
  ],
};
/** Fields of the node's status, of its peers, and of a record that the package does not use. */
const UNUSED = {
  status: [
    'quarantine', 'served', 'messages', 'wireBytes', 'checks', 'subscribed', 'otherChains', 'bans', 'known', 'dialsFailed', 'gated',
    'observed', 'reachable', 'dialBacks', 'leaves',
  ],
  peer: ['direction', 'leaf', 'score', 'application'],
  record: ['chain'],
};
/** Fields of `faults.json`, not of the event's own samples. */
const ELSEWHERE = ['event', 'fault'];

const source = (name) => JSON.stringify(fileURLToPath(new URL(`../src/${name}.js`, import.meta.url)));
const text = (name) => readFile(new URL(`samples/${name}.json`, import.meta.url), 'utf8');
const literals = (values) => [...new Set(values)].map((value) => JSON.stringify(value)).join(' | ') || 'never';
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The type of all these values, as TypeScript writes it. */
function typeOf(values) {
  const types = values.filter((value) => typeof value !== 'object').map((value) => typeof value);
  if (values.includes(null)) types.push('null');
  const lists = values.filter(Array.isArray);
  if (lists.length > 0) types.push(`(${typeOf(lists.flat())})[]`);
  const objects = values.filter(isObject);
  if (objects.length > 0) types.push(typeOfObjects(objects));
  return [...new Set(types)].join(' | ') || 'never';
}

/** A key that is not in all of them is optional. */
function typeOfObjects(objects) {
  const keys = [...new Set(objects.flatMap(Object.keys))];
  const fields = keys.map((key) => {
    const having = objects.filter((object) => key in object);
    const type = key === 'faults' ? 'Record<string, number>' : typeOf(having.map((object) => object[key]));
    return `${key}${having.length < objects.length ? '?' : ''}: ${type}`;
  });
  return `{ ${fields.join('; ')} }`;
}

const HELPERS = `
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Without readonly, and each string as \`string\`. */
type Wide<T> = T extends string ? string : T extends number | boolean | null | undefined ? T
  : T extends readonly (infer E)[] ? Wide<E>[] : { -readonly [K in keyof T]: Wide<T[K]> };
type Event<K> = Extract<FollowerEvent, { event: K }>;
/** A string of which not every value is known is no literal. */
type IsLiteral<T extends string> = {} extends Record<T, 1> ? false : true;
/** Whether every value that the type \`T\` has is in \`V\`. */
type Every<T, V> = [Extract<T, string>] extends [never] ? true
  : IsLiteral<Extract<T, string>> extends true ? ([Extract<T, string>] extends [V] ? true : false) : true;
`;

/** A line that compiles when these types are the same. */
const same = (name, one, other) => `export const ${name}: Same<${one}, ${other}> = true;`;

async function events() {
  const samples = read(await text('events'));
  const mirrored = Map.groupBy?.(samples, ({ event }) => event) ?? grouped(samples);
  for (const kind of DAEMON) assert.ok(mirrored.delete(kind), `${kind} is no event of the daemon`);
  const kinds = literals([...mirrored.keys(), ...PACKAGE.events]);
  const lines = [same('kinds', "FollowerEvent['event']", kinds)];
  for (const [kind, values] of mirrored) {
    lines.push(same(`${kind}_fields`, `Wide<Event<'${kind}'>>`, `Wide<${typeOf(values)}>`));
    lines.push(`export const ${kind}_samples: Event<'${kind}'>[] = ${JSON.stringify(values)};`);
    for (const field of Object.keys(values[0]).filter((field) => !ELSEWHERE.includes(field))) {
      const found = literals(values.map((value) => value[field]).filter((value) => typeof value === 'string'));
      lines.push(`export const ${kind}_${field}: Every<Event<'${kind}'>['${field}'], ${found}> = true;`);
    }
  }
  return lines;
}

/** Node has `Map.groupBy` from version 21 on. */
function grouped(samples) {
  const groups = new Map();
  for (const sample of samples) groups.set(sample.event, [...(groups.get(sample.event) ?? []), sample]);
  return groups;
}

async function names() {
  const { message, answer, evidence } = JSON.parse(await text('faults'));
  const codes = [...JSON.parse(await text('error-codes')), ...PACKAGE.codes];
  return [
    same('codes', 'ErrorCode', literals(codes)),
    same('messages', 'MessageFault', literals(message)),
    same('answers', 'AnswerFault', literals(answer)),
    same('evidences', 'EvidenceFault', literals([...message, ...evidence])),
  ];
}

/** The mirror's fields are those of the samples, without `unused`. */
const picked = (name, mirror, sample, unused) => [
  same(`${name}_fields`, `Wide<${mirror}>`, `Wide<Pick<${sample}, Extract<keyof ${mirror}, keyof ${sample}>>>`),
  same(`${name}_unused`, `Exclude<keyof ${sample}, keyof ${mirror}>`, literals(unused)),
];

async function others() {
  const status = typeOf(read(await text('status')));
  return [
    `type StatusSample = ${status};`,
    "type PeerSample = StatusSample['peers'][number];",
    "type NodePeer = NodeStatus['peers'][number];",
    ...picked('peer', 'NodePeer', 'PeerSample', UNUSED.peer),
    ...picked('status', "Omit<NodeStatus, 'peers'>", "Omit<StatusSample, 'peers'>", UNUSED.status),
    `type RecordSample = ${typeOf(read(await text('record')))};`,
    ...picked('record', 'RelayRecord', 'RecordSample', UNUSED.record),
    same('persisted', 'Wide<KeptBlock>', typeOf(JSON.parse(await text('persisted-block')))),
  ];
}

/** The result of the compiler for these lines. */
async function compiled(lines) {
  const folder = await mkdtemp(join(tmpdir(), 'petrel-samples-'));
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
  try {
    const compilerOptions = { noEmit: true, noUnusedLocals: false };
    const project = { extends: fileURLToPath(new URL('../../tsconfig.json', import.meta.url)), compilerOptions, files: ['check.ts'] };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(project));
    await writeFile(join(folder, 'check.ts'), lines.join('\n'));
    return spawnSync(process.execPath, [join(typescript, 'bin/tsc'), '-p', folder], { encoding: 'utf8' });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const IMPORTS = [
  `import type { ErrorCode } from ${source('shared/errors')};`,
  `import type { FollowerEvent } from ${source('shared/events')};`,
  `import type { AnswerFault, EvidenceFault, MessageFault } from ${source('shared/faults')};`,
  `import type { KeptBlock } from ${source('shared/protocol')};`,
  `import type { NodeStatus } from ${source('worker/node-status')};`,
  `import type { RelayRecord } from ${source('worker/relay-records')};`,
];

test('the types equal those of the samples that Rust wrote', async () => {
  const lines = [...IMPORTS, HELPERS, ...(await events()), ...(await names()), ...(await others())];
  const { status, stdout } = await compiled(lines);
  assert.equal(status, 0, stdout);
});

test('the comparison fails for an extra or missing field, another type, an extra value and a missing name', async () => {
  const gap = "Wide<Event<'gap'>>";
  const fields = (state) => `{ event: string; from: number; to: number; ${state} }`;
  const wrong = [
    same('right', gap, fields('state: string')),
    same('lacks', gap, '{ event: string; from: number; to: number }'),
    same('more', gap, fields('state: string; depth: number')),
    same('optional', gap, fields('state?: string')),
    same('other', gap, fields('state: number')),
    `export const value: Every<Event<'gap'>['state'], 'opened' | 'closed'> = true;`,
    same('name', 'ErrorCode', "'panic'"),
  ];
  const { stdout } = await compiled([...IMPORTS, HELPERS, ...wrong]);
  const failed = [...stdout.matchAll(/check\.ts\((\d+),/g)].map(([, line]) => Number(line));
  const first = [...IMPORTS, ...HELPERS.split('\n')].length + 1;
  assert.deepEqual(failed.map((line) => line - first).sort(), [1, 2, 3, 4, 5, 6], stdout);
});
