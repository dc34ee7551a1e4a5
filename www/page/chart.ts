// The delays of the last blocks as bars: tall is late, grey is early.

import { delay } from './format.ts';

const BARS = 60;
/** The scale is never finer than this, or a healthy chain looks nervous. Milliseconds. */
const LEAST = 500;
const SVG = 'http://www.w3.org/2000/svg';

export class Chart {
  readonly #delays: number[] = [];
  readonly #svg: SVGElement;
  readonly #scale: HTMLElement;

  constructor(svg: SVGElement, scale: HTMLElement) {
    this.#svg = svg;
    this.#scale = scale;
  }

  add(ms: number): void {
    this.#delays.push(ms);
    if (this.#delays.length > BARS) this.#delays.shift();
    this.#draw();
  }

  #draw(): void {
    const top = round(Math.max(LEAST, ...this.#delays.map(Math.abs)));
    const first = BARS - this.#delays.length;
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

/** A block that is later than this is remarkable. Milliseconds. */
export const LATE = 2000;

/** Up to 1, 2 or 5 times a power of ten. */
function round(ms: number): number {
  const power = 10 ** Math.floor(Math.log10(ms));
  return ([1, 2, 5, 10].find((step) => step * power >= ms) ?? 10) * power;
}
