// `node tab.js URL`: a tab on a daemon's page. One JSON line on stdout for each block that the page shows, until stdin ends.

import { browse, shown } from './harness.js';

const after = [];
const end = async () => {
  for (const step of after.reverse()) await step();
  process.exit(0);
};
process.stdin.on('end', end).resume();

const { page } = await browse({ after: (step) => after.push(step) }, process.argv[2]);
const printed = new Set();
for (;;) {
  for (const { number, hash } of (await shown(page)).reverse()) {
    if (!printed.has(hash)) {
      printed.add(hash);
      console.log(JSON.stringify({ event: 'block', number, hash }));
    }
  }
  await page.waitForTimeout(250);
}
