// Whether another tab is still there: no event says that one is gone, but its lock (Web Locks) is free then.

/** Calls `gone` when nobody holds this lock any more. */
export function whenGone(locks: LockManager, lock: string, gone: () => void): void {
  locks.request(lock, gone).catch(() => {
    // This tab is being closed.
  });
}
