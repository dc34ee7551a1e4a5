// The worker's side: owns the wasm module and its node, answers messages. Runs in a worker, or on the page's own thread
// where there is none.

import { defect, isPlainError, text, type PlainError } from './errors.js';
import { read, type FollowerEvent } from './events.js';
import { WINDOW, type FromWorker, type ToWorker } from './protocol.js';
import { Watch, type NodeStatus, type Report } from './status.js';
import type { KeptBlock } from './store.js';
import load, { Client } from './petrel_wasm.js';

/** Serves one follower. The result takes what the page says; `post` tells the page. */
export function serve(post: (message: FromWorker) => void): (message: ToWorker) => void {
  let node: Client | undefined;
  let over = false;
  let unacknowledged = 0;
  let dropped = 0;
  let watch = new Watch();

  const report = (client: Client): Report => watch.report(read<NodeStatus>(client.status()), Date.now());

  function fail(error: PlainError): void {
    if (over) return;
    over = true;
    post({ type: 'failed', error });
  }

  function tell(json: string): void {
    const event = read<FollowerEvent | ({ event: 'failed' } & PlainError)>(json);
    if (event.event === 'failed') return fail({ code: event.code, message: event.message, remedy: event.remedy });
    watch.see(event, Date.now());
    if (unacknowledged >= WINDOW) {
      dropped += 1;
      return;
    }
    unacknowledged += 1;
    post({ type: 'event', event, dropped });
  }

  async function start(config: string): Promise<void> {
    try {
      await wasm();
    } catch (thrown) {
      return fail({
        code: 'no_wasm',
        message: `the WebAssembly module could not be loaded: ${text(thrown)}`,
        remedy: "serve petrel_wasm_bg.wasm beside the package's scripts, and allow 'wasm-unsafe-eval' in the content security policy",
      });
    }
    if (over) return;
    try {
      watch = new Watch();
      node = new Client(config, tell, (link: string) => post({ type: 'keep', link: JSON.parse(link) as KeptBlock }));
      post({ type: 'started', report: report(node) });
    } catch (thrown) {
      fail(isPlainError(thrown) ? thrown : defect(thrown));
    }
  }

  function stop(): void {
    over = true;
    const last = node ? report(node) : null;
    node?.stop();
    node = undefined;
    post({ type: 'stopped', report: last });
  }

  return (message) => {
    try {
      if (message.type === 'start') void start(message.config);
      else if (message.type === 'ack') unacknowledged = Math.max(0, unacknowledged - message.count);
      else if (message.type === 'stop') stop();
      else if (node) post({ type: 'report', id: message.id, report: report(node) });
    } catch (thrown) {
      fail(defect(thrown));
    }
  };
}

/** In Node, `fetch` reads no files. */
async function wasm(): Promise<void> {
  const file = new URL('./petrel_wasm_bg.wasm', import.meta.url);
  if (file.protocol !== 'file:') {
    await load({ module_or_path: file });
    return;
  }
  const name = 'node:fs/promises';
  const { readFile } = await import(/* @vite-ignore */ /* webpackIgnore: true */ name);
  await load({ module_or_path: await readFile(file) });
}
