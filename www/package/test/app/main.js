import { follow } from './follow.js';

const result = await follow().catch((error) => ({ error: String(error) }));
document.body.dataset.result = JSON.stringify(result);
