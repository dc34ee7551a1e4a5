// The list of verified blocks: newest first, at most a hundred.

import type { Block } from 'petrel';
import { LATE } from './chart.ts';
import * as format from './format.ts';

const ROWS = 100;

export class Blocks {
  readonly #rows: HTMLElement;
  readonly #empty: HTMLElement;
  #timestamps: { readonly cell: HTMLElement; readonly timestamp: number }[] = [];

  constructor(rows: HTMLElement, empty: HTMLElement) {
    this.#rows = rows;
    this.#empty = empty;
  }

  add(block: Block): void {
    this.#empty.hidden = true;
    const row = element('tr', 'new', 'row');
    row.dataset['number'] = String(block.number);
    row.dataset['hash'] = block.hash;
    row.dataset['bytes'] = String(block.bytes);
    const age = cell('block-age figure soft', '');
    const late = block.delayMs > LATE ? ' slow' : '';
    row.append(
      cell('block-number', format.count(block.number)),
      code('block-hash', format.short(block.hash, 10, 6), block.hash),
      age,
      cell(`block-delay figure${late}`, format.delay(block.delayMs)),
      cell('block-txs figure', format.count(block.txs)),
      cell('block-size figure', format.bytes(block.bytes)),
      block.signer
        ? code('block-signer soft', format.short(block.signer), block.signer)
        : cell('block-signer soft', 'its descendants'),
      block.peer ? code('block-peer soft', format.peer(block.peer), block.peer) : cell('block-peer soft', 'itself'),
    );
    // What was missed and fetched stands where it belongs.
    const shown = [...this.#rows.children];
    const at = shown.findIndex((other) => Number((other as HTMLElement).dataset['number']) <= block.number);
    const place = at < 0 ? shown.length : at;
    this.#rows.insertBefore(row, shown[place] ?? null);
    this.#timestamps.splice(place, 0, { cell: age, timestamp: block.timestamp });
    while (this.#rows.childElementCount > ROWS) this.#rows.lastElementChild?.remove();
    this.#timestamps.length = Math.min(this.#timestamps.length, ROWS);
    this.tick();
  }

  /** Ages grow. */
  tick(): void {
    const now = Date.now() / 1000;
    for (const { cell, timestamp } of this.#timestamps) {
      const text = format.age(now - timestamp);
      if (cell.textContent !== text) cell.textContent = text;
    }
  }
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

/** Roles are said aloud because a phone's layout takes the table's own away. */
function element(name: string, classes: string, role: string): HTMLElement {
  const made = document.createElement(name);
  made.className = classes;
  made.setAttribute('role', role);
  return made;
}
