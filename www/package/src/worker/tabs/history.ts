// The latest events of a node that tabs share, for a tab that comes later, or that comes back.

import type { FollowerEvent } from '../../shared/events.js';
import { WINDOW, type KeptBlock, type KnownBlock } from '../../shared/protocol.js';

type ChainEvent = Extract<FollowerEvent, { event: 'head' | 'block' | 'reorg' }>;
type HeadEvent = Extract<FollowerEvent, { event: 'head' }>;

export class History {
  /** The blocks that the node started with: a tab that comes back may not have had the last of them. */
  #restored: readonly HeadEvent[] = [];
  /** At most `WINDOW`: a tab is sent no more than that at once. */
  readonly #events: ChainEvent[] = [];

  /** Reads the configuration of the node, JSON. */
  restore(config: string): void {
    this.#restored = restoredOf(config).map(headOf);
  }

  add(event: FollowerEvent): void {
    if (event.event !== 'head' && event.event !== 'block' && event.event !== 'reorg') return;
    this.#events.push(event);
    if (this.#events.length > WINDOW) this.#events.shift();
  }

  /** What followed this block; without one, or when it is not known any more, the last head, and for the latter the gap before it. */
  since(known: KnownBlock | null): readonly FollowerEvent[] {
    const all: readonly ChainEvent[] = known ? [...this.#restored, ...this.#events] : [];
    const after = all.map((event) => event.event === 'head' && event.hash === known?.hash).lastIndexOf(true) + 1;
    if (after > 0) return all.slice(after);
    const head = [...this.#events].reverse().find(isHead);
    if (!head) return [];
    const [from, to] = [(known?.number ?? Infinity) + 1, head.number - 1];
    return from > to ? [head] : [{ event: 'gap', from, to, state: 'skipped' }, head];
  }
}

function isHead(event: ChainEvent): event is HeadEvent {
  return event.event === 'head';
}

function headOf({ number, hash, parent, timestamp, timestamp_ms: timestampMs }: KeptBlock): HeadEvent {
  return { event: 'head', number, hash, parent, timestamp, timestampMs, why: 'extended' } as HeadEvent;
}

/** Whether the configuration is one is checked by the node. */
function restoredOf(config: string): readonly KeptBlock[] {
  try {
    const { restored } = JSON.parse(config) as { readonly restored?: unknown };
    return Array.isArray(restored) ? (restored as KeptBlock[]) : [];
  } catch {
    return [];
  }
}
