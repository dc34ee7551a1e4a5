// What became of each relay that was given: relays of an earlier run, and those that other relays advertise, would hide a wrong one.

import type { FollowerEvent, Tried } from '../shared/events.js';
import type { RelayStatus } from '../shared/status.js';

/** One relay as it was given. */
interface Given {
  readonly relay: string;
  /** The origin of a URL. */
  readonly origin: string | null;
  peer: string | null;
  error: string | null;
}

/** Derives the state of each given relay from the events. */
export class GivenRelays {
  readonly #given: Given[];
  readonly #connected = new Set<string>();

  constructor(relays: readonly unknown[]) {
    this.#given = relays.filter((relay) => typeof relay === 'string').map(givenOf);
  }

  track(event: FollowerEvent): void {
    switch (event.event) {
      case 'relay_found':
        return this.#each(({ origin }) => origin === event.url, (given) => ((given.peer = event.peer), (given.error = null)));
      case 'record_failed':
        return this.#each(({ origin }) => origin === event.url, (given) => (given.error = event.message));
      case 'dial_failed':
        return this.#each(({ peer }) => peer === event.peer, (given) => (given.error = event.error));
      case 'connected':
        this.#connected.add(event.peer);
        return this.#each(({ peer }) => peer === event.peer, (given) => (given.error = triedError(given, event.tried)));
      case 'disconnected':
        this.#connected.delete(event.peer);
        return;
    }
  }

  /** In the order in which they were given. */
  statuses(): RelayStatus[] {
    return this.#given.map(({ relay, origin, peer, error }) => {
      const isConnected = peer !== null && this.#connected.has(peer);
      // A record that cannot be read now does no harm while its relay is connected.
      if (isConnected && (error === null || origin !== null)) return { relay, peer, state: 'connected', error: null };
      return { relay, peer, state: error === null ? 'waiting' : 'failed', error };
    });
  }

  #each(matches: (given: Given) => boolean, change: (given: Given) => void): void {
    this.#given.filter(matches).forEach(change);
  }
}

function givenOf(relay: string): Given {
  const peer = /\/p2p\/([^/]+)$/.exec(relay)?.[1] ?? null;
  return { relay, origin: originOf(relay), peer, error: null };
}

function originOf(relay: string): string | null {
  try {
    return /^https?:/i.test(relay) ? new URL(relay).origin : null;
  } catch {
    return null;
  }
}

/** Why the address that was given failed, where another one of the same relay is connected. */
function triedError({ relay, origin }: Given, tried: readonly Tried[] = []): string | null {
  const base = (address: string): string => address.replace(/\/p2p\/[^/]+$/, '');
  return (origin === null && tried.find(({ address }) => base(address) === base(relay))?.error) || null;
}
