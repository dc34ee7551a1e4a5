// Evidence that the sequencer signed two blocks of one height: a file is judged here, by `petrel/verify`, and what this tab itself has
// found can be saved. A file is anybody's: nothing of it becomes HTML, and its size is bounded before it is read.

import type { EvidenceOptions, EvidenceReport } from 'petrel/verify';
import * as format from './format.ts';
import type { Found } from './source.ts';

/** Bytes of a file: as `judgeEvidence` takes them. */
const MAX_BYTES = 48 * 2 ** 20;
/** Findings that are offered at once; the oldest goes first. */
const MAX_FOUND = 8;

type Row = readonly [name: string, value: string];

export class Evidence {
  readonly #section = at<HTMLDetailsElement>('evidence');
  readonly #verdict = at('evidence-verdict');
  readonly #found = at('evidence-found');
  readonly #summary = at('evidence-last');
  #options: EvidenceOptions | undefined;
  /** So that of two files that are given quickly the last one is shown. */
  #given = 0;

  constructor() {
    const input = at<HTMLInputElement>('evidence-file');
    input.addEventListener('change', () => {
      this.#judge(input.files?.[0]);
      // So that the same file can be chosen again.
      input.value = '';
    });
    // Else the browser would leave the page to show the file.
    this.#section.addEventListener('dragover', (event) => event.preventDefault());
    this.#section.addEventListener('drop', (event) => {
      event.preventDefault();
      this.#section.open = true;
      this.#judge(event.dataTransfer?.files[0]);
    });
  }

  /** Files are judged against the chain that is followed. A signer of the page's URL does not count where the chain's own is known. */
  follows({ options, foreignSigner }: Found): void {
    const signer = (foreignSigner?.own ?? options.signer) as EvidenceOptions['signer'];
    this.#options = { chain: options.chain, ...(signer ? { signer } : {}) };
  }

  /** Offers what this tab has found. */
  offer(number: number, json: string): void {
    const name = `${number}.json`;
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([json], { type: 'application/json' }));
    [link.download, link.textContent] = [name, `Save ${name}`];
    const words = document.createElement('span');
    words.textContent = `the sequencer signed two blocks ${format.count(number)}: `;
    words.append(link);
    const item = document.createElement('li');
    item.dataset['number'] = String(number);
    item.append(words);
    this.#found.querySelector(`[data-number="${number}"]`)?.remove();
    this.#found.prepend(item);
    const oldest = this.#found.childElementCount > MAX_FOUND ? this.#found.lastElementChild : null;
    if (oldest) URL.revokeObjectURL(oldest.querySelector('a')?.href ?? '');
    oldest?.remove();
    this.#summary.textContent = `two signed blocks ${format.count(number)}`;
  }

  #judge(file: File | undefined): void {
    if (!file) return;
    const given = (this.#given += 1);
    this.#show(`Judging ${format.count(file.size)} bytes`, []);
    this.#reportOn(file).then(
      (report) => given === this.#given && this.#report(report),
      (thrown: unknown) => given === this.#given && this.#show(`It could not be judged: ${thrown instanceof Error ? thrown.message : String(thrown)}`, []),
    );
  }

  async #reportOn(file: File): Promise<EvidenceReport> {
    if (file.size > MAX_BYTES) return tooLarge(file.size);
    if (!this.#options) throw new Error('this page has no chain yet');
    const [{ judgeEvidence }, bytes] = await Promise.all([import('petrel/verify'), file.arrayBuffer()]);
    return judgeEvidence(bytes, this.#options);
  }

  #report({ verdict, chain, signer, number, hashes, fault, detail }: EvidenceReport): void {
    if (verdict === 'accept') {
      const named: Row[] = [['Chain', String(chain)], ['Signer', String(signer)], ['Block', String(number)], ['First hash', String(hashes?.[0])], ['Second hash', String(hashes?.[1])]];
      return this.#show('Accepted: the holder of the sequencer’s key signed two blocks of one height. It does not prove which of them stayed in the chain.', named);
    }
    this.#show(verdict === 'reject' ? 'Refused: it proves nothing.' : 'Not judged.', [['Rule', String(fault)], ['Detail', String(detail)]]);
  }

  #show(words: string, rows: readonly Row[]): void {
    const said = document.createElement('p');
    said.textContent = words;
    const list = document.createElement('dl');
    for (const [name, value] of rows) {
      const [term, text] = [document.createElement('dt'), document.createElement('dd')];
      [term.textContent, text.textContent] = [name, value];
      list.append(term, text);
    }
    this.#verdict.replaceChildren(said, ...(rows.length > 0 ? [list] : []));
  }
}

/** What `judgeEvidence` would say, without reading it. */
function tooLarge(bytes: number): EvidenceReport {
  const nothing = { chain: null, signer: null, number: null, hashes: null };
  return { kind: 'petrel-equivocation', ...nothing, verdict: 'reject', fault: 'evidence_too_large', detail: `${bytes} bytes, evidence has at most 48 MiB` };
}

function at<E extends HTMLElement = HTMLElement>(id: string): E {
  return document.getElementById(id) as E;
}
