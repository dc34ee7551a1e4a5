// `node node.js`: the same in Node.

import { follow } from './follow.js';

console.log(JSON.stringify(await follow()));
process.exit(0);
