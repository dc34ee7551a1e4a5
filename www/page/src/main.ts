// The page: finds its relay, follows the chain, shows it, and starts again after a failure.

import { createFollower, PetrelError, type Follower, type FollowerEvent, type Status } from 'petrel';
import { Evidence } from './evidence.ts';
import { source, type Found } from './source.ts';
import { View, type Problem } from './view.ts';

/** Milliseconds between two reads of the status. */
const STATUS_INTERVAL = 1000;
/** Reads without a connection before the daemon is asked whether its relay has changed. */
const DISCONNECTED = 8;
/** Milliseconds before a failed follower is created again. */
const RETRY = 5000;
/** Milliseconds for the status, after which the page no longer shows the last one as the present one. */
const STATUS_TIMEOUT = 5000;

const url = new URL(location.href);
const view = new View();
const evidence = new Evidence();

async function main(): Promise<void> {
  let found = await find();
  while (found) found = await follow(found);
}

/** The chain and its relays; `null` when the user must give them. */
async function find(): Promise<Found | null> {
  try {
    const found = await source(url);
    if (!found) view.setup(url.searchParams);
    return found;
  } catch (thrown) {
    view.problem({ message: `the daemon that serves this page cannot be reached: ${messageOf(thrown)}`, remedy: 'start it, then reload' });
    return null;
  }
}

/** Follows until the follower ends; what to follow next, or `null` for nothing. */
async function follow(now: Found): Promise<Found | null> {
  view.signerOf(now);
  evidence.follows(now);
  view.state('connecting');
  let follower: Follower;
  try {
    follower = await createFollower(now.options);
  } catch (thrown) {
    view.problem(problem(thrown));
    if (thrown instanceof PetrelError && thrown.code !== 'panic' && thrown.code !== 'no_answer') {
      view.setup(url.searchParams);
      return null;
    }
    await wait(RETRY);
    return now;
  }
  const outdated: Outdated = { signer: false };
  const changed = watch(follower, now, outdated);
  try {
    void readEvents(follower, outdated);
    for await (const block of follower.blocks()) view.block(block);
  } catch (thrown) {
    const { message } = problem(thrown);
    view.problem({ message, remedy: `starting again in ${RETRY / 1000} s` });
    await wait(RETRY);
  }
  return (await changed) ?? now;
}

/** Whether the daemon's first `relay.json` may be out of date. */
interface Outdated {
  /** A relay sent a message of another signer: the signer may have been rotated. */
  signer: boolean;
}

async function readEvents(follower: Follower, outdated: Outdated): Promise<void> {
  try {
    for await (const event of follower.events()) {
      outdated.signer ||= event.event === 'rejected' && event.fault === 'wrong_signer';
      view.event(event);
      void offerEvidence(follower, event);
    }
  } catch {
    // The reader of the blocks reports it.
  }
}

/** Two blocks of one height were signed, by the event; both are kept only when both came by gossip. */
async function offerEvidence(follower: Follower, event: FollowerEvent): Promise<void> {
  if (event.event !== 'conflict' && event.event !== 'reorg') return;
  const number = event.event === 'conflict' ? event.number : event.from;
  const json = await follower.evidence(number).catch(() => null);
  if (json !== null) evidence.offer(number, json);
}

/**
 * Shows the status until the end. When the daemon was restarted as another relay, or the signer was rotated, the follower is
 * stopped.
 */
async function watch(follower: Follower, now: Found, outdated: Outdated): Promise<Found | null> {
  for (let disconnected = 0; ; ) {
    const status = await statusOf(follower);
    if (status === null || status.state === 'failed' || status.state === 'stopped') return null;
    view.status(status);
    view.tick();
    disconnected = status.state === 'connecting' ? disconnected + 1 : 0;
    if (outdated.signer || (disconnected > 0 && disconnected % DISCONNECTED === 0)) {
      outdated.signer = false;
      const other = await source(url).catch(() => null);
      if (other && JSON.stringify(other) !== JSON.stringify(now)) {
        await follower.stop();
        return other;
      }
    }
    await wait(STATUS_INTERVAL);
  }
}

/** The status; `null` when the follower failed meanwhile. While it does not come the page says so. */
async function statusOf(follower: Follower): Promise<Status | null> {
  const timer = setTimeout(() => view.silent(), STATUS_TIMEOUT);
  try {
    return await follower.status();
  } catch {
    // The reader of the blocks reports it.
    return null;
  } finally {
    clearTimeout(timer);
  }
}

function problem(thrown: unknown): Problem {
  return thrown instanceof PetrelError ? thrown : { message: messageOf(thrown), remedy: 'reload the page; if it happens again, report it' };
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

void main();
