//! The attempts of one dial of a peer, and which of them may run. Pure: time and wakers are arguments.
//!
//! Bound: the addresses of the dial.

use core::{task::Waker, time::Duration};

/// How long a kind has before the next one begins beside it. A cold WebTransport connection takes about 200 ms; RFC 8305 recommends
/// 250 ms between two attempts, of the same protocol.
pub(super) const DELAY: Duration = Duration::from_millis(300);
/// The kinds of transports, the preferred one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// WebTransport, over UDP.
    WebTransport,
    /// WebSocket, with TLS or without, over TCP.
    WebSocket,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Race {
    /// The kind that begins.
    first: Option<Kind>,
    attempts: Vec<AttemptState>,
    is_won: bool,
}

#[derive(Debug)]
struct AttemptState {
    kind: Kind,
    phase: AttemptPhase,
    waker: Option<Waker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AttemptPhase {
    Waiting,
    /// Since this time (monotonic).
    Running(Duration),
    /// It has ended, and had begun at this time, if it had.
    Ended(Option<Duration>),
}

/// What an attempt has to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Dial.
    Run,
    /// Wait until it is woken.
    Wait,
    /// Wait for so long, or until it is woken.
    WaitFor(Duration),
    /// End: another attempt has connected, so long after this one had begun.
    Overtaken { after: Duration },
}

impl Race {
    pub(super) const fn new(first: Option<Kind>) -> Self {
        Self { first, attempts: Vec::new(), is_won: false }
    }

    /// Adds an attempt, before any has begun; its index.
    pub(super) fn add(&mut self, kind: Kind) -> usize {
        self.attempts.push(AttemptState { kind, phase: AttemptPhase::Waiting, waker: None });
        self.attempts.len() - 1
    }

    /// Whether an attempt has begun or ended, so that no further one belongs to this race.
    pub(super) fn has_begun(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.phase != AttemptPhase::Waiting)
    }

    /// Whether an attempt runs.
    pub(super) fn has_running(&self) -> bool {
        self.attempts.iter().any(|attempt| matches!(attempt.phase, AttemptPhase::Running(_)))
    }

    /// What this attempt has to do at `now` (monotonic); it is woken when that changes.
    pub(super) fn step(&mut self, index: usize, now: Duration, waker: &Waker) -> Step {
        let step = self.next(index, now);
        let begins = step == Step::Run && self.phase(index) == Some(AttemptPhase::Waiting);
        if let Some(attempt) = self.attempts.get_mut(index) {
            attempt.waker = Some(waker.clone());
            if begins {
                attempt.phase = AttemptPhase::Running(now);
            }
        }
        if begins {
            // The next kind waits from now on.
            self.wake_waiting().into_iter().for_each(Waker::wake);
        }
        step
    }

    fn next(&self, index: usize, now: Duration) -> Step {
        let Some(attempt) = self.attempts.get(index) else { return Step::Wait };
        match attempt.phase {
            AttemptPhase::Running(since) if self.is_won => Step::Overtaken { after: now.saturating_sub(since) },
            AttemptPhase::Running(_) => Step::Run,
            // The swarm drops it, or has done so.
            AttemptPhase::Ended(_) => Step::Wait,
            AttemptPhase::Waiting if self.is_won || !self.is_next_of_its_kind(index) => Step::Wait,
            AttemptPhase::Waiting => self.turn(attempt.kind, now),
        }
    }

    /// Whether all attempts of its kind before it have ended.
    fn is_next_of_its_kind(&self, index: usize) -> bool {
        let kind = self.attempts.get(index).map(|attempt| attempt.kind);
        let before = self.attempts.iter().take(index).filter(|attempt| Some(attempt.kind) == kind);
        before.into_iter().all(|attempt| matches!(attempt.phase, AttemptPhase::Ended(_)))
    }

    /// Whether it is this kind's turn.
    fn turn(&self, kind: Kind, now: Duration) -> Step {
        let Some(before) = self.kind_before(kind) else { return Step::Run };
        let of = || self.attempts.iter().filter(|attempt| attempt.kind == before);
        if of().all(|attempt| matches!(attempt.phase, AttemptPhase::Ended(_))) {
            return Step::Run;
        }
        let began = of().filter_map(|attempt| match attempt.phase {
            AttemptPhase::Running(since) | AttemptPhase::Ended(Some(since)) => Some(since),
            AttemptPhase::Waiting | AttemptPhase::Ended(None) => None,
        });
        let Some(began) = began.min() else { return Step::Wait };
        let left = began.saturating_add(DELAY).saturating_sub(now);
        if left.is_zero() { Step::Run } else { Step::WaitFor(left) }
    }

    /// The kind after which this one begins; `None` for the first one.
    fn kind_before(&self, kind: Kind) -> Option<Kind> {
        let place = |kind: Kind| (Some(kind) != self.first, kind);
        let kinds = self.attempts.iter().map(|attempt| attempt.kind);
        kinds.filter(|other| place(*other) < place(kind)).max_by_key(|other| place(*other))
    }

    /// This attempt has failed, or nobody polls it any more. Returns the wakers of those that wait.
    pub(super) fn failed(&mut self, index: usize) -> Vec<Waker> {
        let Some(attempt) = self.attempts.get_mut(index) else { return Vec::new() };
        attempt.phase = match attempt.phase {
            AttemptPhase::Ended(_) => return Vec::new(),
            AttemptPhase::Running(since) => AttemptPhase::Ended(Some(since)),
            AttemptPhase::Waiting => AttemptPhase::Ended(None),
        };
        attempt.waker = None;
        self.wake_waiting()
    }

    /// This attempt has connected. Returns the wakers of those that it has overtaken.
    pub(super) fn won(&mut self, index: usize) -> Vec<Waker> {
        self.is_won = true;
        if let Some(attempt) = self.attempts.get_mut(index) {
            attempt.phase = AttemptPhase::Ended(None);
        }
        self.wakers(|phase| matches!(phase, AttemptPhase::Running(_)))
    }

    fn wake_waiting(&mut self) -> Vec<Waker> {
        self.wakers(|phase| phase == AttemptPhase::Waiting)
    }

    /// Takes the wakers of the attempts in such a phase.
    fn wakers(&mut self, is_woken: impl Fn(AttemptPhase) -> bool) -> Vec<Waker> {
        let woken = self.attempts.iter_mut().filter(|attempt| is_woken(attempt.phase));
        woken.filter_map(|attempt| attempt.waker.take()).collect()
    }

    fn phase(&self, index: usize) -> Option<AttemptPhase> {
        self.attempts.get(index).map(|attempt| attempt.phase)
    }
}
