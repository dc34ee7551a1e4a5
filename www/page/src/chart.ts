// The delays of the last blocks as bars: of sixty blocks, or of the last minute where those are more. The height is the delay; early
// blocks are grey.

import { count, delay } from './format.ts';
import * as span from './span.ts';

const LEAST_BARS = 60;
const MOST_BARS = 300;
/** The least range of the scale, so that small differences look small. Milliseconds. */
const LEAST = 500;
const SVG = 'http://www.w3.org/2000/svg';

export class Chart {
  readonly #delays: number[] = [];
  readonly #svg: SVGElement;
  readonly #scale: HTMLElement;
  readonly #caption: HTMLElement;
  #bars = LEAST_BARS;
  #changed = false;

  constructor(svg: SVGElement, scale: HTMLElement, caption: HTMLElement) {
    this.#svg = svg;
    this.#scale = scale;
    this.#caption = caption;
  }

  /** The time between blocks, in milliseconds. */
  setBlockInterval(intervalMs: number): void {
    const bars = span.blocks(intervalMs, LEAST_BARS, MOST_BARS);
    if (bars === this.#bars) return;
    this.#bars = bars;
    this.#svg.setAttribute('viewBox', `0 0 ${bars} 100`);
    this.#caption.textContent = `Delay of the last ${count(bars)} blocks`;
    this.#trim();
  }

  /** Shown by the next `draw`. */
  add(ms: number): void {
    this.#delays.push(ms);
    this.#trim();
  }

  #trim(): void {
    this.#delays.splice(0, Math.max(0, this.#delays.length - this.#bars));
    this.#changed = true;
  }

  draw(): void {
    if (!this.#changed || this.#delays.length === 0) return;
    this.#changed = false;
    const top = round(Math.max(LEAST, ...this.#delays.map(Math.abs)));
    const first = this.#bars - this.#delays.length;
    this.#svg.replaceChildren(...this.#delays.map((ms, index) => bar(first + index, ms, top)));
    this.#svg.setAttribute('aria-label', `Delays of the last blocks, the newest ${delay(this.#delays.at(-1) ?? 0)}`);
    this.#scale.textContent = delay(top);
  }
}

function bar(slot: number, ms: number, top: number): SVGRectElement {
  const height = Math.max(2, (Math.abs(ms) / top) * 100);
  const rect = document.createElementNS(SVG, 'rect');
  const place = { x: slot + 0.15, y: 100 - height, width: 0.7, height };
  for (const [name, value] of Object.entries(place)) rect.setAttribute(name, String(value));
  if (ms < 0) rect.classList.add('early');
  if (ms > LATE) rect.classList.add('late');
  return rect;
}

/** A block that is later than this is marked. Milliseconds. */
export const LATE = 2000;

/** Up to 1, 2 or 5 times a power of ten. */
function round(ms: number): number {
  const power = 10 ** Math.floor(Math.log10(ms));
  return ([1, 2, 5, 10].find((step) => step * power >= ms) ?? 10) * power;
}
