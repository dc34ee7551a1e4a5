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
  /** Whether its record is of another one of the chains that it is given for. */
  isOther: boolean;
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
        return this.#of(event.url, { peer: event.peer, error: null, isOther: false });
      case 'record_failed':
        return this.#of(event.url, { error: event.message, isOther: false });
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

  /** The record of the URL of this origin is of another one of the chains. */
  ofOther(origin: string): void {
    this.#of(origin, { error: null, isOther: true });
  }

  /** In the order in which they were given. */
  statuses(): RelayStatus[] {
    return this.#given.map(({ relay, origin, peer, error, isOther }) => {
      if (isOther) return { relay, peer: null, state: 'other_chain', error: null };
      const isConnected = peer !== null && this.#connected.has(peer);
      // A record that cannot be read now does no harm while its relay is connected.
      if (isConnected && (error === null || origin !== null)) return { relay, peer, state: 'connected', error: null };
      return { relay, peer, state: error === null ? 'waiting' : 'failed', error };
    });
  }

  /** Changes those with a URL of this origin. */
  #of(url: string, change: Partial<Pick<Given, 'peer' | 'error' | 'isOther'>>): void {
    this.#each(({ origin }) => origin === url, (given) => Object.assign(given, change));
  }

  #each(matches: (given: Given) => boolean, change: (given: Given) => void): void {
    this.#given.filter(matches).forEach(change);
  }
}

function givenOf(relay: string): Given {
  const peer = /\/p2p\/([^/]+)$/.exec(relay)?.[1] ?? null;
  return { relay, origin: originOf(relay), peer, error: null, isOther: false };
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
