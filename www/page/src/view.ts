// Writes the state of a follower into the page.

import type { Block, FollowerEvent, Peer, Status } from 'petrel';
import { Blocks } from './blocks.ts';
import { Chart } from './chart.ts';
import * as format from './format.ts';
import { Frames } from './frames.ts';
import { Log, reorg } from './log.ts';
import type { ForeignSigner, Found } from './source.ts';

const STATES: Record<Status['state'], string> = {
  connecting: 'Connecting',
  waiting: 'Waiting',
  catching_up: 'Catching up',
  live: 'Live',
  stalled: 'Stalled',
  stopped: 'Stopped',
  failed: 'Failed',
};

/** A failure, as text. */
export interface Problem {
  readonly message: string;
  readonly remedy?: string;
}

/** The newest block. */
type Head = Extract<FollowerEvent, { event: 'head' }>;

export class View {
  readonly #blocks = new Blocks(at('rows'), at('empty'));
  readonly #chart = new Chart(at<SVGElement>('chart'), at('scale'), at('delay-window'));
  readonly #log = new Log(at('log'), at('last'));
  readonly #frames = new Frames(() => this.#draw());
  #head: Head | undefined;
  #remedy: string | undefined;
  /** The last reorg, as text. */
  #reorg: string | undefined;
  #foreignSigner: ForeignSigner | null = null;

  block(block: Block): void {
    this.#frames.push(() => {
      this.#blocks.add(block);
      if (block.via !== 'sync') this.#chart.add(block.delayMs);
    });
  }

  event(event: FollowerEvent): void {
    this.#frames.push(() => this.#event(event));
  }

  #event(event: FollowerEvent): void {
    if (event.event === 'head') this.#head = event;
    if (event.event === 'schedule_mismatch') this.#remedy = event.remedy;
    if (event.event === 'reorg') {
      this.#blocks.markRemoved(event.hashes);
      this.#reorg = `; the last: ${reorg(event)} no longer in the chain`;
    }
    this.#log.event(event);
  }

  status(status: Status): void {
    this.state(status.state);
    write('chain', status.chain.name);
    this.#schedule(status);
    write('verified', format.count(status.verified));
    write('rejected', format.count(status.rejected));
    write('signer', status.signer ? format.short(status.signer, 8, 6) : 'none');
    at('signer').title = status.signer ?? '';
    this.#relay(status);
    const { offsetMs, warning } = status.clock;
    write('delay-now', offsetMs === null ? '' : `now ${format.delay(offsetMs)}`);
    write('where', status.threadReason ? `The checks run on this page’s own thread: ${status.threadReason}.` : '');
    this.notice(status.reason ?? warning ?? allFailed(status.relays));
  }

  /** The last status is too old to be shown as the present one. */
  silent(): void {
    this.state('stalled');
    this.notice('the node in this tab does not answer');
  }

  /** Shows that the page's URL has a signer that is not the chain's: then nothing here is verified, whatever its state. */
  signerOf({ foreignSigner, options }: Found): void {
    this.#foreignSigner = foreignSigner;
    const box = at('foreign');
    box.hidden = foreignSigner === null;
    document.body.classList.toggle('foreign', foreignSigner !== null);
    if (!foreignSigner) return;
    const { signer, own } = foreignSigner;
    const chain = typeof options.chain === 'object' ? 'this chain' : String(options.chain);
    const known = own === null ? `Nobody knows this signer as the signer of ${chain}.` : `The signer of ${chain} is ${own}.`;
    const link = new URL(location.href);
    link.searchParams.delete('signer');
    const remedy = document.createElement('a');
    [remedy.href, remedy.textContent] = [link.href, 'Open this page without the signer of the link'];
    const words = `Do not trust this page’s blocks: the link that opened it replaced the signer by ${signer}. Whoever has that key can make any block.`;
    box.replaceChildren(paragraph(words), paragraph(known), remedy);
  }

  /** Once a second. */
  tick(): void {
    if (this.#head) write('head-since', `${format.clock(this.#head.timestampMs)}, ${since((Date.now() - this.#head.timestampMs) / 1000)}`);
  }

  state(state: Status['state']): void {
    const pill = at('state');
    const shown = this.#foreignSigner ? `Foreign signer, ${STATES[state].toLowerCase()}` : STATES[state];
    if (pill.dataset['state'] !== state || pill.textContent !== shown) {
      pill.dataset['state'] = state;
      pill.textContent = shown;
    }
    document.title = state === 'live' ? this.#title() : `${shown} – Petrel`;
  }

  notice(text: string | null): void {
    const box = at('notice');
    box.classList.remove('bad');
    box.hidden = text === null;
    if (text !== null && box.textContent !== format.capital(text)) box.replaceChildren(paragraph(format.capital(text)));
  }

  problem({ message, remedy }: Problem): void {
    this.state('failed');
    const box = at('notice');
    box.classList.add('bad');
    box.hidden = false;
    box.replaceChildren(paragraph(`${format.capital(message)}.`), ...(remedy ? [paragraph(`${format.capital(remedy)}.`)] : []));
    this.#frames.flush();
    this.#log.add({ text: message, bad: true });
  }

  /** Shows the form that asks for a relay, filled with the URL's parameters. */
  setup(given: URLSearchParams): void {
    at('follow').hidden = true;
    const form = at<HTMLFormElement>('setup');
    form.hidden = false;
    for (const name of ['relay', 'chain', 'signer']) {
      const input = form.elements.namedItem(name);
      if (input instanceof HTMLInputElement) input.value = given.get(name) ?? '';
    }
  }

  /** The chain's interval and fork, a fork that its schedule lacks, and its reorgs. */
  #schedule({ chain, scheduleMismatch, reorgs }: Status): void {
    this.#blocks.setBlockInterval(chain.intervalMs);
    this.#chart.setBlockInterval(chain.intervalMs);
    const missing = scheduleMismatch === null ? '' : ` by the schedule, which lacks ${format.fork(scheduleMismatch)}`;
    write('schedule', `a block every ${format.interval(chain.intervalMs)}, ${format.fork(chain.fork)} is active${missing}`);
    at('reorg').hidden = reorgs === 0;
    write('reorgs', `${format.count(reorgs)}${this.#reorg ?? ''}`);
    this.#mismatch(scheduleMismatch);
  }

  #mismatch(fork: string | null): void {
    const box = at('mismatch');
    box.hidden = fork === null;
    if (fork === null) return;
    const words = `The schedule of this chain is out of date: it lacks ${format.fork(fork)}. Blocks are still followed and checked.`;
    const remedy = this.#remedy ? `${format.capital(this.#remedy)}.` : '';
    if (box.textContent !== words + remedy) box.replaceChildren(paragraph(words), ...(remedy ? [paragraph(remedy)] : []));
  }

  /** Called after the changes of a frame. */
  #draw(): void {
    this.#chart.draw();
    if (!this.#head) return;
    write('head-number', format.count(this.#head.number));
    write('head-hash', this.#head.hash);
    this.tick();
    if (at('state').dataset['state'] === 'live') document.title = this.#title();
  }

  #title(): string {
    const foreign = this.#foreignSigner ? 'Foreign signer – ' : '';
    return foreign + (this.#head ? `${format.count(this.#head.number)} – Petrel` : 'Petrel');
  }

  #relay({ peers, relays }: Status): void {
    const [first] = peers;
    const more = peers.length > 1 ? ` and ${peers.length - 1} more` : '';
    const failed = relays.filter(({ state }) => state === 'failed').length;
    const given = failed > 0 ? ` (${failed} of ${format.plural(relays.length, 'given relay')} failed)` : '';
    write('relay', `${first ? `${format.address(first.address)}${more}` : 'not connected'}${given}`);
    at('relay').title = peers.map(({ address, agent, firstDeliveries }) => `${agent ?? ''} ${address}, first with ${format.plural(firstDeliveries, 'block')}`.trim()).join('\n');
    write('transport', first ? transportText(first) : '–');
    at('transport').title = peers.flatMap(({ tried }) => tried.map(({ address, error }) => `${address}: ${error}`)).join('\n');
  }
}

const TRANSPORTS: Record<string, string> = { webtransport: 'WebTransport', wss: 'secure WebSocket', ws: 'WebSocket' };

/** How this tab is connected: the transport, its certificates, and why an earlier dial failed. */
function transportText({ transport, address, tried }: Peer): string {
  const hashes = format.certificates(address).map((hash) => format.short(hash, 8, 4));
  const named = hashes.length > 0 ? `, certificate ${hashes.join(' or ')}` : '';
  const [failed] = tried;
  const why = failed ? ` – ${TRANSPORTS[format.transport(failed.address)] ?? 'another transport'} failed: ${failed.error}` : '';
  return `${TRANSPORTS[transport] ?? transport}${named}${why}`;
}

/** Why no relay that was given is connected; `null` while one is, or none has failed. */
function allFailed(relays: Status['relays']): string | null {
  const failed = relays.filter(({ state }) => state === 'failed');
  if (failed.length === 0 || failed.length < relays.length) return null;
  const which = failed.map(({ relay, error }) => `${relay} (${error})`).join(', ');
  return `no relay that this page was given can be reached: ${which}; it is connected to others that it knows`;
}

function since(seconds: number): string {
  const text = format.age(seconds);
  return text === 'now' ? 'made just now' : `made ${text} ago`;
}

function at<E extends Element = HTMLElement>(id: string): E {
  return document.getElementById(id) as Element as E;
}

/** Does not touch an element that has this text: a change would disturb screen readers and selections. */
function write(id: string, text: string): void {
  const element = at(id);
  if (element.textContent !== text) element.textContent = text;
}

function paragraph(text: string): HTMLElement {
  const made = document.createElement('p');
  made.textContent = text;
  return made;
}
