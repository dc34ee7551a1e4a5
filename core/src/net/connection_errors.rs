//! What the swarm's connection errors mean for the node. Stateless.

use libp2p::{
    Multiaddr, PeerId, TransportError,
    swarm::{DialError, ListenError},
};

use crate::event::Tried;

/// The dialled address at which this node's own peer id answered, if that is the error: another node uses the same key.
pub(super) fn shared_key_dialled(error: &DialError, own: PeerId) -> Option<&Multiaddr> {
    match error {
        DialError::LocalPeerId { address } => Some(address),
        DialError::WrongPeerId { obtained, address } if *obtained == own => Some(address),
        _ => None,
    }
}

/// The address from which a peer with this node's own peer id connected.
pub(super) fn shared_key_accepted(error: &ListenError) -> Option<&Multiaddr> {
    match error {
        ListenError::LocalPeerId { address } => Some(address),
        _ => None,
    }
}

/// Why a dial failed: one clause per address, each with its innermost error.
pub(super) fn dial_error(error: &DialError) -> String {
    match error {
        DialError::Transport(attempts) => {
            let clauses: Vec<String> =
                attempts.iter().map(|(address, error)| format!("{address}: {}", root_cause(error))).collect();
            clauses.join("; ")
        }
        DialError::WrongPeerId { obtained, address } => {
            format!("{address}: the peer there is {obtained}; correct the /p2p part")
        }
        DialError::Denied { cause } => root_cause(cause),
        other => other.to_string(),
    }
}

/// The addresses that a dial tried and that failed, before the one that answered.
pub(super) fn failed_attempts(errors: &[(Multiaddr, TransportError<std::io::Error>)]) -> Vec<Tried> {
    errors.iter().map(|(address, error)| Tried { address: address.to_string(), error: root_cause(error) }).collect()
}

/// The text of the innermost error, which names the cause.
pub(super) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
