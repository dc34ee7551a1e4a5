//! Environment variables: ours, op-node's as a fallback; flags have precedence over both.

use std::ffi::OsString;

use clap::CommandFactory;
use petrel_node::{cli::env::with_fallback, cli::flags::Cli};

/// The variable that a flag of `node` reads if exactly these are set.
fn variable(flag: &str, set: &[&str]) -> String {
    read(flag, &|name| set.contains(&name).then(|| "1".into())).unwrap()
}

/// The same with given values; `None` when it reads none.
fn read(flag: &str, value: &dyn Fn(&str) -> Option<OsString>) -> Option<String> {
    let command = with_fallback(Cli::command(), value);
    let node = command.find_subcommand("node").unwrap();
    let arg = node.get_arguments().find(|arg| arg.get_long() == Some(flag)).unwrap();
    arg.get_env().map(|name| name.to_str().unwrap().to_owned())
}

#[test]
fn op_nodes_variable_is_used_when_ours_is_not_set() {
    let (ours, theirs) = ("PETREL_P2P_STATIC", "OP_NODE_P2P_STATIC");
    assert_eq!(variable("p2p.static", &[]), ours);
    assert_eq!(variable("p2p.static", &[theirs]), theirs);
    assert_eq!(variable("p2p.static", &[ours, theirs]), ours);
}

#[test]
fn an_empty_variable_is_not_set() {
    let empty = |of: &'static str| move |name: &str| (name == of).then(OsString::new);
    assert_eq!(read("p2p.static", &empty("PETREL_P2P_STATIC")), None);
    assert_eq!(read("p2p.static", &empty("OP_NODE_P2P_STATIC")).as_deref(), Some("PETREL_P2P_STATIC"));
    let both = |name: &str| match name {
        "PETREL_P2P_STATIC" => Some(OsString::new()),
        "OP_NODE_P2P_STATIC" => Some("1".into()),
        _ => None,
    };
    assert_eq!(read("p2p.static", &both).as_deref(), Some("OP_NODE_P2P_STATIC"));
}

#[test]
fn the_fallback_names_are_op_nodes() {
    // op-node's variables do not always follow its flags.
    let cases = [
        ("network", "OP_NODE_NETWORK"),
        ("rollup.config", "OP_NODE_ROLLUP_CONFIG"),
        ("p2p.no-discovery", "OP_NODE_P2P_NO_DISCOVERY"),
        ("p2p.priv.path", "OP_NODE_P2P_PRIV_PATH"),
        ("p2p.priv.raw", "OP_NODE_P2P_PRIV_RAW"),
        ("p2p.listen.ip", "OP_NODE_P2P_LISTEN_IP"),
        ("p2p.listen.tcp", "OP_NODE_P2P_LISTEN_TCP_PORT"),
        ("p2p.static", "OP_NODE_P2P_STATIC"),
        ("p2p.useragent", "OP_NODE_P2P_AGENT"),
        ("p2p.timeout.dial", "OP_NODE_P2P_TIMEOUT_DIAL"),
        ("p2p.gossip.mesh.d", "OP_NODE_P2P_GOSSIP_MESH_D"),
        ("p2p.gossip.mesh.lo", "OP_NODE_P2P_GOSSIP_MESH_DLO"),
        ("p2p.gossip.mesh.floodpublish", "OP_NODE_P2P_GOSSIP_FLOOD_PUBLISH"),
        ("metrics.enabled", "OP_NODE_METRICS_ENABLED"),
        ("metrics.addr", "OP_NODE_METRICS_ADDR"),
        ("metrics.port", "OP_NODE_METRICS_PORT"),
        ("log.level", "OP_NODE_LOG_LEVEL"),
    ];
    for (flag, theirs) in cases {
        assert_eq!(variable(flag, &[theirs]), theirs);
    }
}

#[test]
fn every_flag_of_node_has_a_variable() {
    let command = Cli::command();
    let node = command.find_subcommand("node").unwrap();
    for arg in node.get_arguments().filter(|arg| !["help", "version"].contains(&arg.get_id().as_str())) {
        let name = arg.get_env().unwrap_or_else(|| panic!("{} has none", arg.get_id())).to_str().unwrap();
        assert!(name.starts_with("PETREL_"), "{name}");
    }
}
