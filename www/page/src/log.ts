// Events other than blocks, as text.

import type { FollowerEvent, Tried } from 'petrel';
import * as format from './format.ts';

const LINES = 50;

interface Line {
  readonly text: string;
  readonly bad?: boolean;
}

export class Log {
  readonly #list: HTMLElement;
  readonly #last: HTMLElement;

  constructor(list: HTMLElement, last: HTMLElement) {
    this.#list = list;
    this.#last = last;
  }

  event(event: FollowerEvent): void {
    const line = lineOf(event);
    if (line) this.add(line);
  }

  add({ text, bad = false }: Line): void {
    const time = document.createElement('time');
    time.textContent = format.time(new Date());
    const words = document.createElement('span');
    words.textContent = text;
    words.classList.toggle('bad', bad);
    const item = document.createElement('li');
    item.append(time, words);
    this.#list.prepend(item);
    if (this.#list.childElementCount > LINES) this.#list.lastElementChild?.remove();
    this.#last.textContent = text;
  }
}

/** `null` for events that the page shows elsewhere, and for those that a user does not need. */
function lineOf(event: FollowerEvent): Line | null {
  switch (event.event) {
    case 'connected':
      return { text: `connected to ${format.peer(event.peer)} at ${format.address(event.address)} by ${event.transport}${after(event.tried)}` };
    case 'disconnected':
      return { text: `disconnected from ${format.peer(event.peer)}: ${event.reason}`, bad: true };
    case 'relay_found':
      return { text: `${event.url} is ${format.peer(event.peer)}, by ${event.addresses.map(format.transport).join(', ')}` };
    case 'relay_clock':
      return { text: relayClock(event), bad: event.correctedMs === 0 && event.relays > 0 };
    case 'record_failed':
      return { text: `${event.url}: ${event.message}; trying again in ${format.delay(event.retryMs)}`, bad: true };
    case 'dial_failed':
      return { text: `${event.error}; trying again in ${format.delay(event.retryMs)}`, bad: true };
    case 'rejected':
      return { text: `rejected a message from ${sender(event.peer)}: ${event.detail}`, bad: true };
    case 'gap':
      return gap(event);
    case 'fetch_failed':
      return { text: `${format.peer(event.peer)} did not serve block ${format.count(event.number)}: ${event.detail}`, bad: true };
    case 'conflict':
      return { text: `the sequencer signed a second block ${format.count(event.number)}; the first one is kept`, bad: true };
    case 'reorg':
      return { text: `reorg: ${reorg(event)} no longer in the chain` };
    case 'fork':
      return { text: `${format.fork(event.name)} is active from block ${format.count(event.number)} on` };
    case 'schedule_mismatch':
      return { text: `block ${format.count(event.number)} shows ${format.fork(event.fork)}: ${event.remedy}` };
    case 'signer_mismatch':
      return { text: `${format.plural(event.peers, 'peer')} follow the signer ${event.found}, not ${event.expected}`, bad: true };
    case 'clock_skew':
      return { text: `this device’s clock seems ${skew(event.offsetSecs)}`, bad: true };
    case 'sequencer_skew':
      // The offset is this device's clock minus the sequencer's.
      return { text: `the sequencer’s clock seems ${skew(-event.offsetSecs)}; this device’s agrees with the relays’` };
    default:
      return null;
  }
}

function relayClock({ offsetMs, correctedMs, relays, of }: Extract<FollowerEvent, { event: 'relay_clock' }>): string {
  if (relays === 0) return 'the relays’ clocks are no longer used to correct this device’s clock';
  const how = Math.abs(offsetMs) < 1000 ? 'right' : skew(Math.round(-offsetMs / 1000));
  const done = correctedMs !== 0 ? ': corrected' : how === 'right' ? '' : ', which is too much to be corrected';
  return `${format.count(relays)} of ${format.plural(of, 'relay')} agree that this device’s clock is ${how}${done}`;
}

function skew(seconds: number): string {
  return `${Math.abs(seconds)} s ${seconds > 0 ? 'ahead' : 'behind'}`;
}

/** The blocks that a reorg removed from the chain, as a subject with its verb. */
export function reorg({ from, to, depth }: { readonly from: number; readonly to: number; readonly depth: number }): string {
  if (from === to) return `block ${format.count(from)} (1 deep) is`;
  return `blocks ${format.count(from)} to ${format.count(to)} (${format.count(depth)} deep) are`;
}

function after(tried: readonly Tried[] = []): string {
  return tried.map(({ address, error }) => `; ${format.transport(address)} failed: ${error}`).join('');
}

function gap({ from, to, state }: Extract<FollowerEvent, { event: 'gap' }>): Line {
  const missing = from === to ? `block ${format.count(from)}` : `blocks ${format.count(from)} to ${format.count(to)}`;
  switch (state) {
    case 'opened':
      return { text: `gap opened: ${missing} missing` };
    case 'closed':
      return { text: `gap closed: ${missing} received` };
    case 'skipped':
      return { text: `gap skipped: ${missing} not received`, bad: true };
  }
}

function sender(peer: string | null): string {
  return peer ? format.peer(peer) : 'this node';
}
