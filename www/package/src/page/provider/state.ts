// Accounts, storage and code at a verified block: `eth_getProof` of an untrusted RPC, checked against the block's state root.

import type { ChainSource } from '../chain-source.js';
import { PetrelError } from '../../shared/errors.js';
import type { LieDetector } from './lie-detector.js';
import { bytes } from './params.js';

/** What a proof proves; quantities and hashes as 0x-hex. */
export interface ProvenAccount {
  readonly balance: string;
  readonly nonce: string;
  readonly codeHash: string;
  readonly storageHash: string;
  readonly storage: readonly { readonly key: string; readonly value: string }[];
}

/** Code whose hash is proven is kept: this many contracts, 24 KiB each at most (EIP-170), or 256 KiB on chains that allow more. */
const MAX_CODES = 64;
const EMPTY_CODE = '0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470';

export class StateReader {
  readonly #source: ChainSource;
  readonly #rpcs: LieDetector;
  readonly #codes = new Map<string, string>();

  constructor(source: ChainSource, rpcs: LieDetector) {
    this.#source = source;
    this.#rpcs = rpcs;
  }

  /** The account at the block of this hash, with these slots. */
  async account(block: string, address: string, slots: readonly string[] = []): Promise<ProvenAccount> {
    return (await this.#proven(block, address, slots)).account;
  }

  /** The same as an answer of `eth_getProof`: the RPC's nodes, and the values that they prove. */
  async proof(block: string, address: string, slots: readonly string[]): Promise<unknown> {
    const { account, answer } = await this.#proven(block, address, slots);
    const { storage, ...fields } = account;
    const { accountProof, storageProof } = answer as { accountProof: unknown; storageProof: readonly { proof: unknown }[] };
    return { address, ...fields, accountProof, storageProof: storage.map((proven, at) => ({ ...proven, proof: storageProof[at]?.proof })) };
  }

  #proven(block: string, address: string, slots: readonly string[]): Promise<{ account: ProvenAccount; answer: unknown }> {
    return this.#rpcs.proven({
      method: 'eth_getProof',
      params: [address, slots, { blockHash: block }],
      block,
      prove: async (answer) => {
        const json = await this.#source.call('account', block, address, JSON.stringify(slots), JSON.stringify(answer));
        return { account: JSON.parse(json as string) as ProvenAccount, answer };
      },
    });
  }

  async code(block: string, address: string): Promise<string> {
    const { codeHash } = await this.account(block, address);
    if (codeHash === EMPTY_CODE || /^0x0+$/.test(codeHash)) return '0x';
    const known = this.#codes.get(codeHash);
    if (known !== undefined) return known;
    const code = await this.#rpcs.proven({
      method: 'eth_getCode',
      params: [address, { blockHash: block }],
      block,
      prove: (answer) => this.#hashed(answer, codeHash),
    });
    this.#codes.set(codeHash, code);
    const [oldest] = this.#codes.keys();
    if (this.#codes.size > MAX_CODES && oldest !== undefined) this.#codes.delete(oldest);
    return code;
  }

  async #hashed(answer: unknown, codeHash: string): Promise<string> {
    const refuse = (message: string): PetrelError => new PetrelError({ code: 'bad_proof', message, remedy: 'use another RPC' });
    let code: string;
    try {
      code = bytes(answer, 'the code');
    } catch {
      throw refuse('the answer is no code');
    }
    const hash = await this.#source.call('hashOf', code);
    if (hash !== codeHash) throw refuse(`the code has the hash ${hash}, and the account is proven to have ${codeHash}`);
    return code;
  }
}
