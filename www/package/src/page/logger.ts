// Gives what happens to the logger of the application.

import type { FollowerEvent } from '../shared/events.js';

type Write = (message: string, fields: Readonly<Record<string, unknown>>) => void;

/** Where messages go: `console` is one. A method that is not there gets none. */
export interface Logger {
  readonly debug?: Write;
  readonly info?: Write;
  readonly warn?: Write;
  readonly error?: Write;
}

type Level = 'debug' | 'info' | 'warn' | 'error';

const LEVELS: Readonly<Record<FollowerEvent['event'], Level>> = {
  block: 'debug',
  head: 'debug',
  synced: 'debug',
  topic_joined: 'debug',
  topic_left: 'debug',
  identified: 'debug',
  discovered: 'debug',
  ignored: 'debug',
  relay_found: 'debug',
  unverified: 'debug',
  connected: 'info',
  disconnected: 'info',
  relay_clock: 'info',
  signer_changed: 'info',
  signer_retired: 'info',
  gap: 'info',
  reorg: 'info',
  fork: 'info',
  pruned: 'info',
  unbanned: 'info',
  banned: 'warn',
  graylisted: 'warn',
  record_failed: 'warn',
  dial_failed: 'warn',
  fetch_failed: 'warn',
  rejected: 'warn',
  conflict: 'warn',
  stalled: 'warn',
  clock_skew: 'warn',
  sequencer_skew: 'warn',
  schedule_mismatch: 'warn',
  signer_mismatch: 'warn',
  l1_failed: 'warn',
  rpc_lied: 'warn',
  unproven: 'warn',
};

/** The logger of one chain. Whatever the logger does, no method throws. */
export class Log {
  readonly #logger: Logger | undefined;
  readonly #chain: unknown;

  /** `chain` is the field `chain` of each message. */
  constructor(logger: Logger | undefined, chain: unknown) {
    this.#logger = logger;
    this.#chain = chain;
  }

  event({ event, ...fields }: FollowerEvent): void {
    if (this.#logger) this.write(LEVELS[event] ?? 'debug', event.replaceAll('_', ' '), fields);
  }

  /** Whether there is a logger that takes it. */
  write(level: Level, message: string, fields: object = {}): boolean {
    const write = this.#logger?.[level];
    if (typeof write !== 'function') return false;
    try {
      write.call(this.#logger, message, { chain: this.#chain, ...fields });
    } catch {
      // It is the application's.
    }
    return true;
  }
}
