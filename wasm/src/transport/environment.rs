//! Properties of the browser that decide what can be dialled.

use js_sys::Reflect;
use libp2p::Multiaddr;
use wasm_bindgen::JsValue;

use crate::locality::Locality;

/// Added to the error of a dial from a public page to a private address.
const PERMISSION: &str =
    "; the address is in a private network, and the browser asks the user before a public page may reach one";

/// Whether there is a global of this name.
pub(crate) fn has(name: &str) -> bool {
    Reflect::has(&js_sys::global(), &JsValue::from_str(name)).unwrap_or(false)
}

/// Whether this is no secure context: the page was loaded over plain HTTP from another host. `false` in Node.
pub(crate) fn is_insecure() -> bool {
    global("isSecureContext").is_some_and(|value| value == JsValue::FALSE)
}

/// Another possible reason why a dial of `address` failed; begins with `; ` or is empty.
pub(crate) fn hint(address: &Multiaddr) -> &'static str {
    let is_local = Locality::of_address(address).is_some_and(|locality| locality != Locality::Public);
    let is_public_page = hostname().is_some_and(|host| Locality::of_host(&host) == Locality::Public);
    if is_local && is_public_page { PERMISSION } else { "" }
}

fn global(name: &str) -> Option<JsValue> {
    Reflect::get(&js_sys::global(), &JsValue::from_str(name)).ok().filter(|value| !value.is_undefined())
}

/// The host of the page; `None` where there is no page.
fn hostname() -> Option<String> {
    let name = Reflect::get(&global("location")?, &JsValue::from_str("hostname")).ok()?;
    name.as_string().filter(|name| !name.is_empty())
}
