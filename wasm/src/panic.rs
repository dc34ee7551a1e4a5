//! Reports a panic as a last event. On wasm32 a panic cannot be caught: the module traps, and its state is undefined.

use std::{cell::RefCell, panic};

use js_sys::Function;
use serde_json::Value;
use wasm_bindgen::JsValue;

use crate::error::{Error, ErrorCode};

thread_local! {
    /// The callbacks of all nodes in this module: a panic of one ends all of them.
    static LISTENERS: RefCell<Vec<Function>> = const { RefCell::new(Vec::new()) };
}

/// Calls `on_event` at a panic, until [`forget`].
pub(crate) fn listen(on_event: &Function) {
    LISTENERS.with_borrow_mut(|listeners| listeners.push(on_event.clone()));
    panic::set_hook(Box::new(|info| {
        let error = Error::new(
            ErrorCode::Panic,
            format!("the node panicked: {info}"),
            "create a new follower; please report the message",
        );
        let Ok(Some(listeners)) = LISTENERS.try_with(|listeners| Some(listeners.try_borrow().ok()?.clone())) else {
            return;
        };
        let Ok(Value::Object(mut event)) = serde_json::to_value(&error) else { return };
        event.insert("event".to_owned(), "failed".into());
        let event = Value::Object(event).to_string();
        for on_event in listeners {
            let _thrown = on_event.call1(&JsValue::NULL, &JsValue::from_str(&event));
        }
    }));
}

/// The node of `on_event` has ended.
pub(crate) fn forget(on_event: &Function) {
    LISTENERS.with_borrow_mut(|listeners| listeners.retain(|other| other != on_event));
}
