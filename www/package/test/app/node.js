// `node node.js`: the same in Node. The process ends by itself: nothing of the package keeps it.

import { follow } from './follow.js';

console.log(JSON.stringify(await follow()));
