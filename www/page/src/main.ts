// The page: finds its relay, follows, shows, and begins again when something broke.

import { createFollower, PetrelError, type Follower } from 'petrel';
import { source, type Source } from './source.ts';
import { View, type Problem } from './view.ts';

/** Milliseconds between two looks at the status. */
const LOOK = 1000;
/** Looks without a connection before the daemon is asked whether its relay has changed. */
const LOST = 8;
/** Milliseconds before a follower that failed is made anew. */
const AGAIN = 5000;

const url = new URL(location.href);
const view = new View(url.searchParams.has('signer'));

async function main(): Promise<void> {
  let found = await find();
  while (found) found = await follow(found);
}

/** Where to connect; `null` when the user must say it. */
async function find(): Promise<Source | null> {
  try {
    const found = await source(url);
    if (!found) view.setup(url.searchParams);
    return found;
  } catch (thrown) {
    view.problem({ message: `the daemon that serves this page does not answer: ${said(thrown)}`, remedy: 'start it, then reload' });
    return null;
  }
}

/** Follows until it fails; where to go on, or `null` for nowhere. */
async function follow(now: Source): Promise<Source | null> {
  view.state('connecting');
  let follower: Follower;
  try {
    follower = await createFollower(now);
  } catch (thrown) {
    view.problem(problem(thrown));
    if (thrown instanceof PetrelError && thrown.code !== 'panic') {
      view.setup(url.searchParams);
      return null;
    }
    await wait(AGAIN);
    return now;
  }
  const doubt: Doubt = { signer: false };
  const changed = watch(follower, now, doubt);
  try {
    void listen(follower, doubt);
    for await (const block of follower.blocks()) view.block(block);
  } catch (thrown) {
    const { message } = problem(thrown);
    view.problem({ message, remedy: `starting again in ${AGAIN / 1000} s` });
    await wait(AGAIN);
  }
  return (await changed) ?? now;
}

/** What speaks against what the daemon said at first. */
interface Doubt {
  /** A relay sent what somebody else has signed: the signer may have been rotated. */
  signer: boolean;
}

async function listen(follower: Follower, doubt: Doubt): Promise<void> {
  try {
    for await (const event of follower.events()) {
      doubt.signer ||= event.event === 'rejected' && event.fault === 'wrong_signer';
      view.event(event);
    }
  } catch {
    // The reader of the blocks says it.
  }
}

/**
 * Shows the status until the end. A daemon that was started anew may be another relay, and the signer may have been
 * rotated: then the follower is stopped.
 */
async function watch(follower: Follower, now: Source, doubt: Doubt): Promise<Source | null> {
  for (let lost = 0; ; ) {
    const status = await follower.status();
    if (status.state === 'failed' || status.state === 'stopped') return null;
    view.status(status);
    view.tick();
    lost = status.state === 'connecting' ? lost + 1 : 0;
    if (doubt.signer || (lost > 0 && lost % LOST === 0)) {
      doubt.signer = false;
      const other = await source(url).catch(() => null);
      if (other && JSON.stringify(other) !== JSON.stringify(now)) {
        await follower.stop();
        return other;
      }
    }
    await wait(LOOK);
  }
}

function problem(thrown: unknown): Problem {
  return thrown instanceof PetrelError ? thrown : { message: said(thrown), remedy: 'reload the page; if it stays, report it' };
}

function said(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

void main();
