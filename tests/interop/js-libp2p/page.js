// The host of peer.js in a tab, bundled into the page that tab.js serves. `window.tell` and the files are the page's server.

import { webSockets } from '@libp2p/websockets';
import { webTransport } from '@libp2p/webtransport';
import { start } from './peer.js';

const at = (file) => `/file?${new URLSearchParams({ file })}`;

window.begin = async ({ topic, protocol }) => {
  window.obey = await start({
    topic,
    protocol,
    transports: [webSockets(), webTransport()],
    files: {
      load: async (file) => new Uint8Array(await (await fetch(at(file))).arrayBuffer()),
      save: (file, body) => fetch(at(file), { method: 'PUT', body }),
    },
    tell: (event) => window.tell(event),
  });
};
