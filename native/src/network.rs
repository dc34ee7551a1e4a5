//! How the node reaches its peers and is reached: transports ([`transport`]), discovery ([`discovery`]), port mapping by the router
//! ([`nat`]), other relays ([`relay_finder`]), and the addresses that result from them ([`address`]). [`driver`] combines the transports with petrel-core's
//! protocol driver.

pub mod address;
pub(crate) mod browser_address;
pub mod config;
pub mod discovery;
pub mod driver;
pub mod nat;
pub mod relay_finder;
pub mod transport;

pub use address::OurAddresses;
pub use config::{NetworkConfig, PemFiles, SecurityProtocol};
pub use driver::{DriverResources, build_driver};
