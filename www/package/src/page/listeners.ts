// Functions that the application wants to be called with events.

import { onAbort } from './abort.js';
import { PetrelError } from '../shared/errors.js';
import type { Block, FollowerEvent, Head, Reorg } from '../shared/events.js';
import { suggest } from './suggest.js';

/** What a listener of each kind is called with. */
export interface Heard {
  /** The newest verified block has changed. */
  readonly head: Head;
  /** A block was verified. */
  readonly block: Block;
  /** Blocks are no longer in the chain. */
  readonly reorg: Reorg;
  /** Each event, of these kinds too. */
  readonly event: FollowerEvent;
}

type Listener<K extends keyof Heard> = (heard: Heard[K]) => void;
/** Each call of `on` is an entry of its own, so that one function may be given twice. */
interface Entry {
  readonly call: (heard: never) => void;
  readonly remove: () => void;
}

const KINDS: readonly (keyof Heard)[] = ['head', 'block', 'reorg', 'event'];

/** `failed` is called with what a listener throws: the others are called all the same. */
export class Listeners {
  readonly #failed: (thrown: unknown) => void;
  readonly #byKind = new Map<keyof Heard, Set<Entry>>();

  constructor(failed: (thrown: unknown) => void) {
    this.#failed = failed;
  }

  /**
   * Calls `listener` from now on, until the result is called or `signal` is aborted.
   *
   * @throws {PetrelError} `bad_request`: there is no such kind, or it is no function.
   */
  on<K extends keyof Heard>(kind: K, listener: Listener<K>, signal?: AbortSignal): () => void {
    checkListener(kind, listener);
    if (signal?.aborted) return () => {};
    const listeners = this.#byKind.get(kind) ?? new Set<Entry>();
    this.#byKind.set(kind, listeners);
    let forget = (): void => {};
    const remove = (): void => {
      listeners.delete(entry);
      forget();
    };
    const entry: Entry = { call: listener, remove };
    listeners.add(entry);
    if (signal) forget = onAbort(signal, remove);
    return remove;
  }

  emit(event: FollowerEvent): void {
    const { event: kind, ...heard } = event;
    if (kind === 'head' || kind === 'block' || kind === 'reorg') this.#call(kind, heard as Heard[typeof kind]);
    this.#call('event', event);
  }

  /** Removes all of them. */
  end(): void {
    for (const listeners of this.#byKind.values()) for (const { remove } of [...listeners]) remove();
  }

  /** How many there are. */
  get size(): number {
    return [...this.#byKind.values()].reduce((sum, { size }) => sum + size, 0);
  }

  #call<K extends keyof Heard>(kind: K, heard: Heard[K]): void {
    for (const { call } of [...(this.#byKind.get(kind) ?? [])]) {
      try {
        (call as Listener<K>)(heard);
      } catch (thrown) {
        this.#failed(thrown);
      }
    }
  }
}

function checkListener(kind: unknown, listener: unknown): void {
  if (!KINDS.some((known) => known === kind)) {
    const [similar] = suggest(String(kind), KINDS, 1);
    const remedy = `${similar ? `give '${similar}' instead; ` : ''}the kinds are ${KINDS.join(', ')}`;
    throw new PetrelError({ code: 'bad_request', message: `there is no kind of event ${JSON.stringify(String(kind))}`, remedy });
  }
  if (typeof listener === 'function') return;
  throw new PetrelError({ code: 'bad_request', message: `the listener of '${String(kind)}' is no function`, remedy: 'give a function' });
}
