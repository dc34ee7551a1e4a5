// The host of peer.js in a tab, bundled into the page that tab.js serves. tab.js provides `window.emit` and serves the files.

import { webSockets } from '@libp2p/websockets';
import { webTransport } from '@libp2p/webtransport';
import { start } from './peer.js';

const at = (file) => `/file?${new URLSearchParams({ file })}`;

window.begin = async ({ topic, protocol }) => {
  window.execute = await start({
    topic,
    protocol,
    transports: [webSockets(), webTransport()],
    files: {
      load: async (file) => new Uint8Array(await (await fetch(at(file))).arrayBuffer()),
      save: (file, body) => fetch(at(file), { method: 'PUT', body }),
    },
    emit: (event) => window.emit(event),
  });
};
