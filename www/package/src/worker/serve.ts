// Runs one node: has the WebAssembly module and handles the messages of the page. In a worker, or on the page's own thread where no
// worker can be started. The nodes of a thread share the module.

import { defect, isPlainError, text, type PlainError } from '../shared/errors.js';
import { read, type FollowerEvent } from '../shared/events.js';
import { WINDOW, type FromWorker, type KeptBlock, type ToWorker } from '../shared/protocol.js';
import type { Report, SignerSource } from '../shared/status.js';
import { called } from './calls.js';
import { cannotDial } from './dialling.js';
import { GivenRelays } from './given-relays.js';
import { L1Signer, type L1Host } from './l1-signer.js';
import { nodeConfig, type NodeConfig } from './node-config.js';
import type { NodeStatus } from './node-status.js';
import { Questions } from './questions.js';
import { RelayRecords, type RelayRecordsHost } from './relay-records.js';
import { StatusTracker } from './status-tracker.js';
import { loadModule, type Module } from './module.js';
import type { Client } from './petrel_wasm.js';

/** A node that is served. */
export interface Served {
  /** Handles a message of the page. */
  readonly receive: (message: ToWorker) => void;
  /** Ends it with this error, unless it has ended. */
  readonly fail: (error: PlainError) => void;
}

/** Serves one node; `post` sends messages to its page. */
export function serve(post: (message: FromWorker) => void): Served {
  let node: Client | undefined;
  let module: Module | undefined;
  let over = false;
  let unacknowledged = 0;
  let dropped = 0;
  let tracker = new StatusTracker();
  let records: RelayRecords | undefined;
  let given = new GivenRelays([]);
  let correctedMs = 0;
  let l1: L1Signer | undefined;
  let signerSource: SignerSource = { from: 'preset', date: null, block: null, blockTime: null, readAt: null, error: null };
  const questions = new Questions(post);

  const report = (client: Client): Report =>
    tracker.report(read<NodeStatus>(client.status()), performance.now(), {
      relays: given.statuses(),
      relaysMs: records?.offset ?? null,
      correctedMs,
      signerSource: l1?.source ?? signerSource,
      moduleBytes: module?.memory.buffer.byteLength ?? 0,
    });

  function fail(error: PlainError): void {
    if (over) return;
    over = true;
    endReading();
    post({ type: 'failed', error });
    // Not before the current call of the node returns.
    queueMicrotask(end);
  }

  function trapped(thrown: unknown): void {
    fail(defect(thrown));
  }

  /** Nothing is read from relays' records and from L1 any more. */
  function endReading(): void {
    records?.end();
    l1?.end();
    questions.end();
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

  function received(json: string): void {
    const event = read<FollowerEvent | ({ event: 'failed' } & PlainError)>(json);
    if (event.event === 'failed') return fail({ code: event.code, message: event.message, remedy: event.remedy });
    records?.track(event);
    l1?.track(event);
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

  async function start(json: string, file: string | undefined): Promise<void> {
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
      const config = nodeConfig(json);
      given = new GivenRelays(config.relays);
      records = new RelayRecords(config.urls, hostOf(config), 1 + config.otherChains.length);
      node = new module.Client(config.node, received, (block: string) => post({ type: 'persist', block: JSON.parse(block) as KeptBlock }));
      const missing = cannotDial();
      if (missing) return fail(missing);
      signerSource = config.signerSource;
      if (config.l1) l1 = new L1Signer(config.l1.config, config.l1.target, l1Host(module));
      post({ type: 'started', report: report(node) });
      records.begin();
      l1?.begin();
    } catch (thrown) {
      fail(isPlainError(thrown) ? thrown : defect(thrown));
    }
  }

  function hostOf({ chain, otherChains, discover, later }: NodeConfig): RelayRecordsHost {
    const verify = (document: string, of: string, host: string, now: number): string => (module as Module).readRecord(document, of, host, now);
    return {
      fetch: (url, options) => fetch(url, options),
      now: () => Date.now(),
      mono: () => performance.now(),
      verify: (document, host, now) => verify(document, chain, host, now),
      isOfOther: (document, host, now) => otherChains.some((other) => isVerified(() => verify(document, other, host, now))),
      ofOther: (origin) => given.ofOther(origin),
      add: (relays, others) => over || node?.addRelays(JSON.stringify(relays), JSON.stringify(discover ? others : [])),
      emit: (event) => over || emit(event),
      correct: (millis) => {
        correctedMs = millis;
        node?.correctClock(millis);
      },
      clockAgrees: () => over || node?.clockAgrees(),
      settled: () => over || later.forEach(addRestored),
      saveRelays: (relays) => over || post({ type: 'relays', relays }),
    };
  }

  function l1Host({ l1Header, l1Signer, l1Word }: Module): L1Host {
    return {
      fetch: (url, options) => fetch(url, options),
      ask: (question) => questions.ask(question),
      now: () => Date.now() + correctedMs,
      mono: () => performance.now(),
      header: l1Header,
      signer: l1Signer,
      word: l1Word,
      read: (signer, rotation) => over || node?.signerRead(signer, rotation),
      emit: (event) => over || emit(event),
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

  /** The method's error is an answer; that of a module that traps has ended the node. */
  function call({ id, method, args }: Extract<ToWorker, { type: 'call' }>): void {
    try {
      if (!module || !node) throw notStarted();
      const value = called(module, node, method, args);
      if (!over) post({ type: 'returned', id, value });
    } catch (thrown) {
      if (!over) post({ type: 'threw', id, error: isPlainError(thrown) ? thrown : defect(thrown) });
    }
  }

  function stop(): void {
    over = true;
    endReading();
    const last = node ? report(node) : null;
    end();
    post({ type: 'stopped', report: last });
  }

  const receive = (message: ToWorker): void => {
    try {
      if (message.type === 'start') void start(message.config, message.wasm);
      else if (message.type === 'ack') unacknowledged = Math.max(0, unacknowledged - message.count);
      else if (message.type === 'call') call(message);
      else if (message.type === 'answer') questions.answered(message);
      else if (message.type === 'stop') stop();
      else if (node) post({ type: 'report', id: message.id, report: report(node) });
    } catch (thrown) {
      fail(defect(thrown));
    }
  };
  return { receive, fail };
}

function isVerified(verify: () => string): boolean {
  try {
    return verify() !== '';
  } catch {
    return false;
  }
}

function notStarted(): PlainError {
  return { code: 'not_started', message: 'the node has not started', remedy: 'wait until it has' };
}
