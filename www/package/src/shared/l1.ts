// How the worker reads the signer from L1 with the page's help: plain data.

/** What the page tells the worker. */
export interface L1Config {
  /** Who is asked, in this order: a URL, or `null` for the page's own provider in this place. */
  readonly requests: readonly (string | null)[];
  /** The hash of the block that is trusted; `null`: the page is asked for it before each reading. */
  readonly header: string | null;
  /** Whether the provider verifies what it answers by itself: it is believed, and no block is needed. */
  readonly verifies: boolean;
}

/** What the worker asks the page. */
export type L1Question =
  /** The hash of the block that is trusted now. */
  | { readonly what: 'header' }
  /** The result of this method, as JSON of `most` characters at most, from the provider in the place `at`. */
  | { readonly what: 'request'; readonly at: number; readonly method: string; readonly params: readonly unknown[]; readonly most: number };

/** Milliseconds for an answer. op-node and the daemon wait as long. */
export const L1_TIMEOUT = 10_000;
