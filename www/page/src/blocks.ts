// The list of verified blocks, newest first: a hundred, or the blocks of the last minute where those are more.

import type { Block } from 'petrel';
import { LATE } from './chart.ts';
import * as format from './format.ts';
import * as span from './span.ts';

const LEAST = 100;
const MOST = 600;

export class Blocks {
  readonly #rows: HTMLElement;
  readonly #empty: HTMLElement;
  /** The block number of each row, from the top. */
  #numbers: number[] = [];
  #limit = LEAST;

  constructor(rows: HTMLElement, empty: HTMLElement) {
    this.#rows = rows;
    this.#empty = empty;
  }

  /** The time between blocks, in milliseconds. */
  setBlockInterval(intervalMs: number): void {
    this.#limit = span.blocks(intervalMs, LEAST, MOST);
    this.#trim();
  }

  add(block: Block): void {
    this.#empty.hidden = true;
    // A block that was fetched later is inserted in the order of numbers.
    const above = this.#numbers.findIndex((number) => number <= block.number);
    const place = above < 0 ? this.#numbers.length : above;
    this.#rows.insertBefore(row(block), this.#rows.children[place] ?? null);
    this.#numbers.splice(place, 0, block.number);
    this.#trim();
  }

  /** Marks blocks that a reorg removed from the chain. */
  markRemoved(hashes: readonly string[]): void {
    const removed = new Set(hashes);
    for (const shown of this.#rows.children) {
      if (removed.has((shown as HTMLElement).dataset['hash'] ?? '')) shown.classList.add('gone');
    }
  }

  #trim(): void {
    while (this.#rows.childElementCount > this.#limit) this.#rows.lastElementChild?.remove();
    this.#numbers.length = Math.min(this.#numbers.length, this.#limit);
  }
}

function row(block: Block): HTMLElement {
  const made = element('tr', 'new', 'row');
  made.dataset['number'] = String(block.number);
  made.dataset['hash'] = block.hash;
  made.dataset['bytes'] = String(block.bytes);
  const time = cell('block-time figure soft', format.clock(block.timestampMs));
  time.title = new Date(block.timestampMs).toISOString();
  const late = block.delayMs > LATE ? ' slow' : '';
  made.append(
    cell('block-number', format.count(block.number)),
    code('block-hash', format.short(block.hash, 10, 6), block.hash),
    time,
    cell(`block-delay figure${late}`, format.delay(block.delayMs)),
    cell('block-txs figure', format.count(block.txs)),
    cell('block-size figure', format.bytes(block.bytes)),
    block.signer
      ? code('block-signer soft', format.short(block.signer), block.signer)
      : cell('block-signer soft', 'its descendants'),
    block.peer ? code('block-peer soft', format.peer(block.peer), block.peer) : cell('block-peer soft', 'local'),
  );
  return made;
}

function cell(classes: string, text: string): HTMLElement {
  const made = element('td', classes, 'cell');
  made.textContent = text;
  return made;
}

function code(classes: string, text: string, full: string): HTMLElement {
  const made = element('td', classes, 'cell');
  const inner = document.createElement('code');
  inner.textContent = text;
  made.title = full;
  made.append(inner);
  return made;
}

/** With an explicit role, because the layout for phones removes the roles of a table. */
function element(name: string, classes: string, role: string): HTMLElement {
  const made = document.createElement(name);
  made.className = classes;
  made.setAttribute('role', role);
  return made;
}
