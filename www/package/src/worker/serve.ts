// Runs the node: owns the WebAssembly module and handles the messages of the page. In a worker, or on the page's own thread where no
// worker can be started.

import { defect, isPlainError, text, type PlainError } from '../shared/errors.js';
import { read, type FollowerEvent } from '../shared/events.js';
import { WINDOW, type FromWorker, type KeptBlock, type ToWorker } from '../shared/protocol.js';
import type { Report } from '../shared/status.js';
import { GivenRelays } from './given-relays.js';
import type { NodeStatus } from './node-status.js';
import { isUrl, RelayRecords, type RelayRecordsHost } from './relay-records.js';
import { StatusTracker } from './status-tracker.js';
import { loadModule, type Module } from './module.js';
import type { Client } from './petrel_wasm.js';

/** The configuration as the page gives it. The node checks it; here only the URLs are separated, and what they give is decided. */
interface Config {
  readonly relays: unknown;
  readonly chain?: unknown;
  readonly advertisedRelays?: boolean;
  /** Relays that an earlier run knew. */
  readonly restored_relays?: readonly string[];
}

/** Relays of an earlier run that are tried at most. */
const MAX_RESTORED = 32;

/** The URLs among the relays, and everything else. */
function separate(relays: readonly unknown[]): [string[], unknown[]] {
  const isUrlOf = (relay: unknown): relay is string => typeof relay === 'string' && isUrl(relay);
  return [relays.filter(isUrlOf), relays.filter((relay) => !isUrlOf(relay))];
}

/** Serves one follower. The result takes messages of the page; `post` sends messages to it. */
export function serve(post: (message: FromWorker) => void): (message: ToWorker) => void {
  let node: Client | undefined;
  let module: Module | undefined;
  let over = false;
  let unacknowledged = 0;
  let dropped = 0;
  let tracker = new StatusTracker();
  let records: RelayRecords | undefined;
  let given = new GivenRelays([]);
  let correctedMs = 0;

  const report = (client: Client): Report =>
    tracker.report(read<NodeStatus>(client.status()), performance.now(), {
      relays: given.statuses(),
      relaysMs: records?.offset ?? null,
      correctedMs,
      moduleBytes: module?.memory.buffer.byteLength ?? 0,
    });

  function fail(error: PlainError): void {
    if (over) return;
    over = true;
    records?.end();
    post({ type: 'failed', error });
    // Not before the current call of the node returns.
    queueMicrotask(end);
  }

  function trapped(thrown: unknown): void {
    fail(defect(thrown));
  }

  /** Stops the node; ignores errors of a failed one. */
  function end(): void {
    module?.onTrap.delete(trapped);
    try {
      node?.stop();
    } catch {
      // Its state is undefined after a panic, and its events are ignored.
    }
    node = undefined;
  }

  function receive(json: string): void {
    const event = read<FollowerEvent | ({ event: 'failed' } & PlainError)>(json);
    if (event.event === 'failed') return fail({ code: event.code, message: event.message, remedy: event.remedy });
    records?.track(event);
    emit(event);
  }

  function emit(event: FollowerEvent): void {
    tracker.track(event, performance.now());
    given.track(event);
    if (unacknowledged >= WINDOW) {
      dropped += 1;
      return;
    }
    unacknowledged += 1;
    post({ type: 'event', event, dropped });
  }

  async function start(config: string, file: string | undefined): Promise<void> {
    try {
      module = await loadModule(file);
    } catch (thrown) {
      return fail({
        code: 'no_wasm',
        message: `the WebAssembly module could not be loaded: ${text(thrown)}`,
        remedy: "serve petrel_wasm_bg.wasm beside the package's scripts, and allow 'wasm-unsafe-eval' in the content security policy",
      });
    }
    if (over) return;
    module.onTrap.add(trapped);
    try {
      tracker = new StatusTracker();
      const { relays, advertisedRelays = true, restored_relays: restored = [], ...others } = JSON.parse(config) as Config;
      const [urls, addresses] = Array.isArray(relays) ? separate(relays) : [[], relays];
      given = new GivenRelays(Array.isArray(relays) ? relays : []);
      // Relays that are given are tried before those that an earlier run knew: where URLs are given, these wait for the records.
      const later = urls.length > 0 ? restored : [];
      records = new RelayRecords(urls, hostOf(JSON.stringify(others.chain ?? null), advertisedRelays, later));
      const checked = JSON.stringify({ ...others, relays: addresses, restored_relays: urls.length > 0 ? [] : restored, expects: urls.length > 0 });
      node = new module.Client(checked, receive, (block: string) => post({ type: 'persist', block: JSON.parse(block) as KeptBlock }));
      post({ type: 'started', report: report(node) });
      records.begin();
    } catch (thrown) {
      fail(isPlainError(thrown) ? thrown : defect(thrown));
    }
  }

  /** `restored` are added when each URL has answered. */
  function hostOf(chain: string, advertised: boolean, restored: readonly string[]): RelayRecordsHost {
    return {
      fetch: (url, options) => fetch(url, options),
      now: () => Date.now(),
      mono: () => performance.now(),
      verify: (document, host, now) => (module as Module).readRecord(document, chain, host, now),
      add: (relays, others) => over || node?.addRelays(JSON.stringify(relays), JSON.stringify(advertised ? others : [])),
      emit: (event) => over || emit(event),
      correct: (millis) => {
        correctedMs = millis;
        node?.correctClock(millis);
      },
      clockAgrees: () => over || node?.clockAgrees(),
      settled: () => over || restored.slice(0, MAX_RESTORED).forEach(addRestored),
      saveRelays: (relays) => over || post({ type: 'relays', relays }),
    };
  }

  /** An address that an earlier version saved may be none that can be dialled now. */
  function addRestored(relay: string): void {
    try {
      node?.addRelays('[]', JSON.stringify([relay]));
    } catch {
      // The others are added.
    }
  }

  function stop(): void {
    over = true;
    records?.end();
    const last = node ? report(node) : null;
    end();
    post({ type: 'stopped', report: last });
  }

  return (message) => {
    try {
      if (message.type === 'start') void start(message.config, message.wasm);
      else if (message.type === 'ack') unacknowledged = Math.max(0, unacknowledged - message.count);
      else if (message.type === 'ping') post({ type: 'pong' });
      else if (message.type === 'stop') stop();
      else if (node) post({ type: 'report', id: message.id, report: report(node) });
    } catch (thrown) {
      fail(defect(thrown));
    }
  };
}
