//! # petrel-core: the OP Stack's peer-to-peer protocol, without I/O
//!
//! An OP Stack chain has one sequencer. It signs each new block and gossips it over libp2p, minutes before L1 confirms
//! it: an *unsafe* block. This crate is a peer of that network as a state machine, [`Node`]. It validates every gossiped
//! block itself, so it knows the chain's newest head without trusting the peers that relay it. It fetches missing blocks
//! from peers and serves blocks to them. It decides which peers to dial, to penalise and to ban. It has no clock, no
//! source of randomness, no I/O and no tasks. The daemon (`native`) and the browser client (`wasm`) are two hosts of the
//! same node.
//!
//! # Layers
//!
//! A module imports only modules of its own row or of the rows below it. State machines do not import each other; they meet
//! only in [`node`]. `cargo xtask test shape` checks this.
//!
//! ```text
//! net             the interface to libp2p (feature `net`, on by default); relay_record
//! node            composes them: inputs in, outputs out
//! without a node  offline (one captured message)  evidence (two signed blocks of one height)
//! state machines  validation  unsafe_chain  reputation  dialing  serving
//! range_sync      which missing blocks are requested from which peer
//! shared state    peers  peer_store  persistence  context
//! data types      fault  event  config  score  rate_limit
//! encoding        block  sign  hash  message  payload_by_number  schedule  primitives  state_proof  l1
//! basic types     time  peer  fork  chain  address  ban  random (numbers from a given seed)
//! ```
//!
//! Everything but `net` and `relay_record` builds and tests without the feature `net`.
//!
//! # The path of a block
//!
//! ```text
//!                   ┌────────────────────────────────────────────────────────────────────────────────┐
//!                   │  Node (no clock, no randomness, no I/O, no tasks)                              │
//!  gossip           │  validation                                              unsafe_chain          │
//!  ── Gossiped ────►│  ValidationQueue ─► ValidationTask ─► Seen ── accepted ─► Head                 │──► Emit(Event)
//!                   │  fair by peer       run by the host   by height           │ ▲                  │──► Persist
//!  ◄── Report ──────│                                                   missing ▼ │ promoted         │
//!  ── Fetched ─────►│                                                         RangeSync              │
//!  ◄── Fetch ───────│                                       peer selection, quarantine by number     │
//!  ── Asked ───────►│  serving: rate limits, round robin       reputation: scores, ban list          │──► Score, Block
//!  ◄── Answer ──────│  persistence: what the host stores       dialing: static peers, peer dialer    │──► Dial, Disconnect
//!                   └────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! # The loop of a host
//!
//! ```text
//! loop {
//!     node.handle(now, next_input());                       // or node.handle_timeout(now) when the deadline has come
//!     while let Some(output) = node.poll_output() { execute(output) }
//!     wait_until(node.poll_timeout(now));                   // or until the next input
//! }
//! ```
//!
//! # Reading order
//!
//! 1. Basic types: [`time`], [`peer`], [`address`], [`ban`], [`fork`], [`chain`].
//! 2. Encoding: [`block`] decodes, encodes and hashes payloads ([`hash`]); [`message`] is a gossip message,
//!    [`payload_by_number`] a request and its response; [`sign`] signs and recovers; [`primitives`] are the functions that a
//!    host may replace; [`schedule`] is the chain's schedule as validation needs it; [`state_proof`] verifies what an RPC says
//!    about an account, and [`l1`] what an L1 node says about the signer.
//! 3. Data types: [`fault`] is everything that can be wrong and what follows; [`event`] is what the node emits; [`config`],
//!    [`score`], [`rate_limit`].
//! 4. Shared state: [`peers`] (connected), [`peer_store`] (known), [`persistence`], [`context`].
//! 5. State machines: [`validation`], [`unsafe_chain`] with [`range_sync`], [`reputation`], [`dialing`], [`serving`].
//! 6. [`offline`] and [`evidence`] validate captured messages without a node.
//! 7. [`node`], and `net`.
//!
//! # Glossary
//!
//! | term | meaning |
//! |---|---|
//! | unsafe block | a block that the sequencer signed and that L1 has not confirmed yet |
//! | envelope, [`message`] | the signature and the payload of one block; a gossip message carries one envelope, compressed |
//! | [validation task](validation::ValidationTask) | the stateless validation of one message, a value that the host runs on any thread |
//! | [verdict](fault::Verdict) | the result by op-node's rules: accept, reject or ignore; [`fault::Acceptance`] is what is reported to gossipsub |
//! | [fault](fault::Fault) | the first rule that a message or a response breaks, and who caused it |
//! | [offence](fault::Offence) | a fault that counts against a peer; the opposite is a [contribution](score::Contribution) |
//! | penalty, [score](score::Score) | points that a peer loses by an offence; the sum of all points, which decay with time |
//! | graylist | peers below gossipsub's graylist threshold, of which gossipsub ignores everything |
//! | [ban list](reputation::BanList) | peers, addresses and networks that may not connect, each with a reason and mostly with an end |
//! | connection gater | the check in `net` that refuses banned and unwanted connections, inbound and outbound |
//! | [connection manager](dialing::ConnectionManager) | prunes connections from above the high watermark down to the low watermark |
//! | [static peer](dialing::StaticPeers) | a configured peer that is kept connected and protected |
//! | [peer dialer](dialing::PeerDialer) | dials known peers while there are fewer than the low watermark |
//! | [peer store](peer_store::PeerStore) | all known peers, connected or not, with addresses and scores; persisted |
//! | [gossip watchdog](dialing::GossipWatchdog) | reconnects a static peer when no message arrives from any peer |
//! | first delivery | a valid block that a peer delivered before all other peers (gossipsub's P2) |
//! | [range sync](range_sync::RangeSync) | fetches missing blocks from peers by number, from the upper end of a gap downwards |
//! | [range target](range_sync::RangeTarget) | the missing numbers, and the expected hash of the last one |
//! | quarantine | fetched blocks whose hash no verified child has named yet |
//! | promotion | a block leaves quarantine because its verified child names its hash as its parent |
//! | [gap](event::Gap) | blocks missing between the head and a verified block above it |
//! | equivocation, [evidence](evidence::Evidence) | a signer signed two blocks of one height; both messages, with which others can verify it |
//! | [reorg](event::Reorg) | the head moves to another branch, and blocks of the old branch are replaced |
//! | leaf | a browser peer: blocks are sent to it, it takes no mesh slot and stores no blocks |
//! | relay | a node that forwards gossip; a browser connects to relays that nodes advertise in a signed record |
//! | witness | a peer whose word may show that our signer or clock is wrong; each network or domain has one vote |
//! | signer mismatch | witnesses relay blocks of the same unknown signer: our signer is probably outdated |
//! | clock skew | most peers' blocks are out of time: our clock, or the sequencer's, is probably wrong |
//! | schedule mismatch | our signer's blocks show a fork that the configured schedule lacks |
//! | [persist](persistence::Persist), [restored state](persistence::RestoredState) | what a node stores over a restart, and what it gets back |
//! | [`Machine`](context::Machine) | a part of the node that owns its state and has four methods: two inputs, two polls |
//! | [`Context`](context::Context) | the time and the shared tables, lent to a machine for one call |

#![deny(clippy::iter_over_hash_type)]

// The only unit tests in the crate are those of `net`; all others are in `core/tests`.
#[cfg(all(test, feature = "net"))]
#[macro_use]
extern crate test_anywhere;

pub mod address;
pub mod ban;
pub mod block;
pub mod chain;
pub mod config;
pub mod context;
pub mod dialing;
pub mod event;
pub mod evidence;
pub mod fault;
pub mod fork;
pub mod hash;
pub mod l1;
pub mod message;
#[cfg(feature = "net")]
pub mod net;
pub mod node;
pub mod offline;
pub mod payload_by_number;
pub mod peer;
pub mod peer_store;
pub mod peers;
pub mod persistence;
pub mod primitives;
mod random;
pub mod range_sync;
pub mod rate_limit;
#[cfg(feature = "net")]
pub mod relay_record;
pub mod reputation;
pub mod schedule;
pub mod score;
pub mod serving;
pub mod sign;
pub mod state_proof;
pub mod time;
pub mod unsafe_chain;
pub mod validation;

pub use event::Event;
pub use node::{Input, Node, Output};
