// What the environment needs so that relays can be dialled.

import type { PlainError } from '../shared/errors.js';

/** What is missing; `null` where a relay can be dialled. Without this the node would wait for ever, as for a relay that is away. */
export function cannotDial(): PlainError | null {
  if (typeof WebSocket !== 'undefined' || 'WebTransport' in globalThis) return null;
  return {
    code: 'no_websocket',
    message: 'this environment has neither WebSocket nor WebTransport: no relay can be dialled',
    remedy: 'use Node 22 or later, or start Node 20 with --experimental-websocket',
  };
}
