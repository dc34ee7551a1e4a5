//! The browser as a [`Host`]: `performance.now()` and `Date.now()`, `setTimeout`, and work that is done at once on the
//! same thread, because a worker has one thread. All names are looked up on the global object, so that it works in a window,
//! a worker and Node.

use core::{
    cell::{Cell, RefCell},
    future::{Future, Ready, ready},
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};
use std::rc::Rc;

use petrel_core::{
    net::{Done, Host, Work},
    persistence::{Persist, Persisted},
    primitives::Primitives,
    time::Now,
};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &js_sys::Function, millis: f64) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

/// The browser host.
#[derive(Clone, Debug)]
pub(crate) struct BrowserHost {
    /// Gets each block of the chain that is to be persisted, without its contents.
    on_persist: Option<js_sys::Function>,
    /// Milliseconds that are added to `Date.now()`.
    correction: Rc<Cell<f64>>,
}

impl BrowserHost {
    pub(crate) const fn new(on_persist: Option<js_sys::Function>, correction: Rc<Cell<f64>>) -> Self {
        Self { on_persist, correction }
    }

    /// JavaScript persists it, or fails to: the result is not known here.
    fn persist(&self, item: &Persist) -> Persisted {
        if let (Persist::Head(block), Some(on_persist)) = (item, &self.on_persist)
            && let Ok(json) = serde_json::to_string(block)
        {
            let _thrown = on_persist.call1(&JsValue::NULL, &JsValue::from_str(&json));
        }
        Persisted::Unconfirmed
    }
}

impl Host for BrowserHost {
    type Sleep = Sleep;
    type Working = Ready<Done>;

    fn now(&self) -> Now {
        Now { mono: monotonic(), unix: millis(js_sys::Date::now() + self.correction.get()) }
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(duration)
    }

    fn work(&self, work: Work) -> Ready<Done> {
        ready(match work {
            Work::Heavy(heavy) => heavy.run(Primitives::PORTABLE),
            Work::Load(_) => Done::Loaded(Ok(None)),
            Work::Persist(item) => Done::Persisted(self.persist(&item)),
        })
    }
}

/// The monotonic time.
pub(crate) fn monotonic() -> Duration {
    millis(performance_now())
}

/// A clock's reading; NaN and negative numbers count as zero.
fn millis(reading: f64) -> Duration {
    Duration::try_from_secs_f64(reading / 1000.0).unwrap_or_default()
}

/// Ends when the time is over; dropping it clears its timer.
pub(crate) struct Sleep {
    timer: JsValue,
    state: Rc<RefCell<SleepState>>,
    _fire: Closure<dyn FnMut()>,
}

#[derive(Default)]
struct SleepState {
    over: bool,
    waker: Option<Waker>,
}

impl Sleep {
    /// The longest that `setTimeout` can wait; beyond it would fire at once.
    const MAX: Duration = Duration::from_millis(i32::MAX.unsigned_abs() as u64);

    pub(crate) fn new(duration: Duration) -> Self {
        let state = Rc::new(RefCell::new(SleepState::default()));
        let fired = Rc::clone(&state);
        let fire = Closure::new(move || {
            let waker = {
                let mut state = fired.borrow_mut();
                state.over = true;
                state.waker.take()
            };
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        let wait = duration.min(Self::MAX).as_secs_f64() * 1000.0;
        let timer = set_timeout(fire.as_ref().unchecked_ref(), wait.ceil());
        Self { timer, state, _fire: fire }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.borrow_mut();
        if state.over {
            return Poll::Ready(());
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        clear_timeout(&self.timer);
    }
}
