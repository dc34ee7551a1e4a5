// What the workers of the tabs of an origin say to each other, by `BroadcastChannel`. All of them are of one script, so of one version.

import type { FromWorker, ToWorker } from '../../shared/protocol.js';

/** A worker that leads: the one whose nodes all tabs use. A later one has a higher term. */
export interface Leader {
  readonly term: number;
  readonly id: string;
}

/** To all tabs. */
export type ToTabs =
  /** The leader says several times a second that it leads. */
  | { readonly type: 'leads'; readonly leader: Leader }
  /** A tab that came asks who leads. */
  | { readonly type: 'who' }
  /** To the leader: serve the node of this key on this port of a tab. */
  | { readonly type: 'open'; readonly to: string; readonly tab: string; readonly port: number; readonly key: string }
  /** To the leader, from a page: what it would send to its own worker. */
  | { readonly type: 'page'; readonly to: string; readonly tab: string; readonly port: number; readonly message: ToWorker };

/** From the leader to the page of one tab, on the channel of that tab. */
export interface ToTab {
  readonly from: string;
  readonly port: number;
  readonly message: FromWorker;
}

/** The name of the channel of a tab, or of the lock that the tab holds as long as it lives. */
export function nameOfTab(script: string, tab: string): string {
  return `petrel tab ${tab} of ${script}`;
}
