//! Flags to settings: every mistake is named at once, and what is right arrives.

use std::{fs, net::IpAddr, time::Duration};

use alloy_primitives::Address;
use clap::Parser;
use petrel_core::{
    chain::{Cadence, Chain, Subsecond},
    config::{Rate, ReputationConfig},
};
use petrel_node::{
    cli::flags::{Cli, Command},
    cli::settings::NodeSettings,
    command::devnet,
    identity::IdentitySource,
    network::SecurityProtocol,
    store::StoreBudget,
};
use serde_json::json;

const PEER: &str = "16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv";

fn node(args: &[&str]) -> Result<NodeSettings, Vec<String>> {
    let cli = Cli::try_parse_from([&["petrel"], args].concat()).unwrap();
    assert!(cli.command.is_none(), "node is what runs without a subcommand");
    NodeSettings::resolve(&cli.node).map_err(|mistakes| mistakes.0)
}

fn devnet(args: &[&str]) -> Result<devnet::DevnetSettings, Vec<String>> {
    let cli = Cli::try_parse_from([&["petrel", "devnet"], args].concat()).unwrap();
    let Some(Command::Devnet(flags)) = cli.command else { panic!("no devnet") };
    devnet::DevnetSettings::resolve(&flags).map_err(|mistakes| mistakes.0)
}

/// Each of `expected` is a part of one mistake, and there are no others.
fn assert_named(mistakes: &[String], expected: &[&str]) {
    for part in expected {
        assert_eq!(mistakes.iter().filter(|mistake| mistake.contains(part)).count(), 1, "{part} among {mistakes:#?}");
    }
    assert_eq!(mistakes.len(), expected.len(), "{mistakes:#?}");
}

#[test]
fn the_defaults_are_op_nodes() {
    let settings = node(&["--network", "op-mainnet"]).unwrap();
    let config = &settings.config;
    assert_eq!((config.chain.id, config.signer), (10, config.chain.signer));
    assert_eq!(config.max_age, Duration::from_secs(60));
    assert_eq!((config.mesh.d, config.mesh.lo, config.mesh.hi, config.mesh.lazy), (8, 6, 12, 6));
    assert!(!config.mesh.flood_publish);
    assert_eq!(settings.network.listen.iter().map(ToString::to_string).collect::<Vec<_>>(), ["/ip4/0.0.0.0/tcp/9222"]);
    assert_eq!(settings.network.security, [SecurityProtocol::Noise]);
    assert_eq!(settings.network.timeout, Duration::from_secs(10));
    assert!(settings.network.agent.starts_with("petrel/"));
    assert_eq!((settings.http, settings.metrics), (None, None));
    assert!(matches!(settings.identity, IdentitySource::File(file) if file.ends_with("petrel-data/p2p_priv.txt")));
}

#[test]
fn what_is_given_arrives() {
    let statics = format!("/ip4/1.2.3.4/tcp/9222/p2p/{PEER},/dns4/a.example/tcp/9223/p2p/{PEER}");
    let settings = node(&[
        "--network=8453",
        "--p2p.unsafe-block-signer=0x9965507d1a55bcc2695c58ba16fb37d819b0a4dc",
        "--p2p.listen.ip=127.0.0.1,::1",
        "--p2p.listen.tcp=9300",
        "--p2p.listen.ws=9301",
        "--p2p.static",
        &statics,
        "--p2p.no-discovery",
        "--p2p.security=tls,noise",
        "--p2p.timeout.dial=3s",
        "--p2p.gossip.timestamp.threshold=5m",
        "--p2p.gossip.mesh.d=4",
        "--p2p.gossip.mesh.lo=2",
        "--p2p.gossip.mesh.dhi=9",
        "--p2p.gossip.mesh.dlazy=3",
        "--p2p.gossip.mesh.floodpublish",
        "--http.port=8080",
        "--metrics.enabled",
        "--metrics.addr=::1",
        "--metrics.port=7301",
        "--datadir=/somewhere",
    ])
    .unwrap();
    let config = &settings.config;
    assert_eq!(config.chain.id, 8453);
    assert_eq!(config.signer.unwrap().to_string().to_lowercase(), "0x9965507d1a55bcc2695c58ba16fb37d819b0a4dc");
    let listen: Vec<String> = settings.network.listen.iter().map(ToString::to_string).collect();
    assert_eq!(
        listen,
        ["/ip4/127.0.0.1/tcp/9300", "/ip4/127.0.0.1/tcp/9301/ws", "/ip6/::1/tcp/9300", "/ip6/::1/tcp/9301/ws"]
    );
    assert_eq!(config.static_peers.len(), 1, "two addresses of one peer are one peer");
    assert_eq!(config.static_peers[0].addresses.len(), 2);
    assert_eq!(settings.network.security, [SecurityProtocol::Tls, SecurityProtocol::Noise]);
    assert_eq!(settings.network.timeout, Duration::from_secs(3));
    assert_eq!(config.max_age, Duration::from_secs(300));
    assert_eq!((config.mesh.d, config.mesh.lo, config.mesh.hi, config.mesh.lazy), (4, 2, 9, 3));
    assert!(config.mesh.flood_publish);
    assert_eq!(settings.http, Some((IpAddr::from([127, 0, 0, 1]), 8080)));
    assert_eq!(settings.metrics, Some(("::1".parse().unwrap(), 7301)));
    let usual = node(&["--network=op-mainnet", "--metrics.enabled"]).unwrap();
    assert_eq!(usual.metrics, Some((IpAddr::from([127, 0, 0, 1]), 7300)));
    assert!(matches!(settings.identity, IdentitySource::File(file) if file.starts_with("/somewhere")));
}

/// What the lists of these flags say: listeners, static peers, boot nodes, encryption, networks.
fn lists(args: &[&str]) -> (Vec<String>, usize, usize, Vec<SecurityProtocol>, Vec<String>) {
    let settings = node(&[&["--network=op-mainnet"], args].concat()).unwrap();
    let listen = settings.network.listen.iter().map(ToString::to_string).collect();
    let restrict = settings.config.reputation.restrict.iter().map(ToString::to_string).collect();
    let (statics, boot) = (settings.config.static_peers.len(), settings.discovery.unwrap().boot.len());
    (listen, statics, boot, settings.network.security, restrict)
}

#[test]
fn an_empty_element_of_a_list_is_skipped_and_an_empty_list_is_not_given() {
    let peer = format!("/ip4/10.0.0.1/tcp/9222/p2p/{PEER}");
    let (statics, boot) = (format!("--p2p.static={peer},"), format!("--p2p.bootnodes=,{peer}"));
    let given = lists(&[
        &statics,
        &boot,
        "--p2p.listen.ip=127.0.0.1, ",
        "--p2p.security=,tls,",
        "--p2p.netrestrict=10.0.0.0/8,",
        "--log.level=debug,",
    ]);
    let one = |text: &str| vec![text.to_owned()];
    assert_eq!(given, (one("/ip4/127.0.0.1/tcp/9222"), 1, 1, vec![SecurityProtocol::Tls], one("10.0.0.0/8")));

    let flags = ["p2p.static", "p2p.bootnodes", "p2p.listen.ip", "p2p.security", "p2p.netrestrict", "log.level"];
    for empty in ["", ",", " , "] {
        let words: Vec<String> = flags.iter().map(|flag| format!("--{flag}={empty}")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(lists(&words), lists(&[]), "{empty:?}");
        assert_eq!(devnet(&[&format!("--fork={empty}")]).unwrap().schedule, devnet(&[]).unwrap().schedule);
    }
    assert_eq!(devnet(&["--fork=ecotone,,jovian@3,"]).unwrap().schedule.len(), 2);
}

#[test]
fn every_mistake_is_named_at_once_even_without_a_chain() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    fs::write(&key, "not a key").unwrap();
    let mistakes = node(&[
        "--p2p.unsafe-block-signer=0x12",
        "--p2p.listen.ip=localhost",
        "--p2p.listen.tcp=80",
        "--p2p.listen.ws=x",
        "--p2p.static=nonsense,/ip4/1.2.3.4/tcp/9222",
        "--p2p.security=rot13",
        "--p2p.timeout.dial=0",
        "--p2p.gossip.timestamp.threshold=1 minute",
        "--p2p.gossip.mesh.d=many",
        "--p2p.gossip.mesh.dlazy=0",
        "--p2p.gossip.mesh.lo=20",
        "--http.addr=here",
        "--http.port=99999",
        "--metrics.addr=all",
        "--metrics.port=many",
        "--log.level=loud",
        "--p2p.priv.path",
        key.to_str().unwrap(),
    ])
    .unwrap_err();
    let expected = [
        "no chain is given",
        "--p2p.unsafe-block-signer: \"0x12\"",
        "--p2p.listen.ip: \"localhost\"",
        "--p2p.listen.tcp: \"80\"",
        "--p2p.listen.ws: \"x\"",
        "--p2p.static: \"nonsense\"",
        "add /p2p/PEER_ID",
        "--p2p.security: \"rot13\"",
        "--p2p.timeout.dial: must be more than 0",
        "--p2p.gossip.timestamp.threshold: \"1 minute\"",
        "--p2p.gossip.mesh.d: \"many\"",
        "mesh degree dlazy is 0",
        "mesh degrees must rise",
        "--http.addr: \"here\"",
        "--http.port: \"99999\"",
        "--metrics.addr: \"all\"",
        "--metrics.port: \"many\"",
        "--log.level: \"loud\"",
        "is not a secp256k1 key",
    ];
    assert_named(&mistakes, &expected);
}

#[test]
fn a_chain_is_named_once_and_must_exist() {
    assert_named(&node(&["--network=op-manet"]).unwrap_err(), &["\"op-manet\""]);
    assert!(node(&["--network=op-manet"]).unwrap_err()[0].contains("op-mainnet"), "the near ones are named");
    assert_named(&node(&["--network=op-mainnet", "--rollup.config=x.json"]).unwrap_err(), &["both given"]);
    assert_named(&node(&["--rollup.config=/nowhere/x.json"]).unwrap_err(), &["cannot read /nowhere/x.json"]);
    let folder = tempfile::tempdir().unwrap();
    let rollup = folder.path().join("rollup.json");
    fs::write(&rollup, r#"{"l2_chain_id": 7}"#).unwrap();
    let mistakes = node(&["--rollup.config", rollup.to_str().unwrap()]).unwrap_err();
    assert!(mistakes[0].contains("rollup.json") && mistakes[0].contains("genesis.l2 is missing"), "{mistakes:?}");
}

#[test]
fn a_network_may_be_a_presets_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("base.json");
    let preset = Chain::preset("base-mainnet").unwrap();
    fs::write(&file, preset.to_rollup_json().to_string()).unwrap();
    let settings = node(&["--network", file.to_str().unwrap()]).unwrap();
    assert_eq!(settings.config.chain, preset);
    assert_eq!(settings.config.signer, preset.signer);
    assert_named(&node(&["--network=/nowhere/x.json"]).unwrap_err(), &["--network: cannot read /nowhere/x.json"]);
    fs::write(&file, "{}").unwrap();
    let mistakes = node(&["--network", file.to_str().unwrap()]).unwrap_err();
    assert!(mistakes[0].starts_with("--network: ") && mistakes[0].contains("base.json"), "{mistakes:?}");
}

/// The chain's steps as first block and milliseconds between blocks.
fn steps(cadence: &Cadence) -> Vec<(u64, u64)> {
    cadence.steps().map(|step| (step.number, step.interval_ms)).collect()
}

#[test]
fn a_cadence_that_is_given_follows_the_configured_one() {
    let genesis = Chain::preset("op-mainnet").unwrap().genesis;
    let since = genesis.time + 1_000_001;
    let given = [format!("{since}=200ms"), format!("{}=50ms", since + 9)];
    let given = node(&["--network=op-mainnet", &format!("--rollup.cadence={}", given.join(","))]).unwrap();
    // The first block that is due then or later begins the step.
    let first = genesis.number + 500_001;
    assert_eq!(steps(&given.config.chain.cadence), [(genesis.number, 2000), (first, 200), (first + 40, 50)]);
    assert!(!given.config.chain.certain, "a rule on times must not be made of what the operator says");
    let usual = node(&["--network=op-mainnet"]).unwrap();
    assert_eq!((steps(&usual.config.chain.cadence), usual.config.chain.certain), (vec![(genesis.number, 2000)], true));
    // What is kept and how wide a gap is fetched follows.
    let quick = node(&["--network=op-mainnet", "--rollup.cadence=1700000000=200ms"]).unwrap();
    assert_eq!(quick.budget.blocks, 432_000);
}

#[test]
fn a_cadence_that_is_none_is_refused_by_name() {
    for (given, why) in [
        ("1900000000", "expected UNIX=INTERVAL"),
        ("soon=200ms", "expected UNIX=INTERVAL"),
        ("1900000000=200", "no duration"),
        ("1900000000=0", "the interval is 0 ms"),
        ("1900000000=1500us", "expected whole milliseconds"),
        ("1900000000=2h", "must be 1 to 3600000"),
        // Not rising, and two from one block on.
        ("1900000000=200ms,1800000000=100ms", "\"1800000000=100ms\": step 2 goes back"),
        ("1900000000=200ms,1900000000=100ms", "\"1900000000=100ms\": step 2 goes back"),
    ] {
        let mistakes = node(&["--network=op-mainnet", &format!("--rollup.cadence={given}")]).unwrap_err();
        assert_named(&mistakes, &[why]);
        assert!(mistakes[0].starts_with("--rollup.cadence: "), "{mistakes:?}");
    }
    // Base has Denim's step already.
    let mistakes = node(&["--network=base-mainnet", "--rollup.cadence=1793901600=200ms"]).unwrap_err();
    assert_named(&mistakes, &["--rollup.cadence: \"1793901600=200ms\": step 2 goes back"]);
    // Steps of a file that overlap.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rollup.json");
    let mut json = Chain::preset("op-mainnet").unwrap().to_rollup_json();
    let step = |number: u64, time_ms: u64| json!({ "number": number, "time_ms": time_ms, "interval_ms": 2000 });
    json["petrel"]["cadence"] = json!([step(0, 1_000_000), step(100, 1_100_000)]);
    fs::write(&file, json.to_string()).unwrap();
    let mistakes = node(&["--rollup.config", file.to_str().unwrap()]).unwrap_err();
    assert_named(&mistakes, &["petrel.cadence: step 1 overlaps the one before it"]);
}

#[test]
fn times_are_as_many_blocks_as_the_chain_makes_in_them() {
    let blocks = |network: &str, kept: &str| {
        node(&["--network", network, &format!("--store.blocks={kept}")]).unwrap().budget.blocks
    };
    assert_eq!((blocks("base-mainnet", "24h"), blocks("op-mainnet", "24h")), (432_000, 43_200));
    assert_eq!((blocks("base-mainnet", "100"), blocks("op-mainnet", "100")), (100, 100));
    assert_eq!(blocks("base-mainnet", "0"), 0);
    let mistakes = node(&["--network=base-mainnet", "--store.blocks=a day"]).unwrap_err();
    assert_named(&mistakes, &["--store.blocks: \"a day\""]);
    // Twelve hours of such blocks are 216,000, which is no mistake.
    let base = node(&["--network=base-mainnet"]).unwrap();
    assert_eq!((base.config.sync.max_gap, base.budget.blocks), (Duration::from_secs(12 * 3600), 432_000));
    // One block is less than there.
    assert!(node(&["--network=base-mainnet", "--p2p.sync.max-gap=1s"]).is_ok());
    let mistakes = node(&["--network=base-mainnet", "--p2p.sync.max-gap=100ms"]).unwrap_err();
    assert_named(&mistakes, &["shorter than the block interval of 200ms"]);
    // The limits follow the cadence where none is given.
    let by_cadence =
        |more: &[&str]| node(&[&["--network=base-mainnet"], more].concat()).unwrap().config.sync.limits.by_cadence;
    assert!(by_cadence(&[]));
    assert!(!by_cadence(&["--p2p.sync.limit=20/40"]) && !by_cadence(&["--p2p.sync.peer-limit=4/15"]));
}

#[test]
fn two_listeners_do_not_share_a_port() {
    let mistakes = node(&["--network=op-mainnet", "--p2p.listen.tcp=9222", "--p2p.listen.ws=9222"]);
    assert_named(&mistakes.unwrap_err(), &["--p2p.listen.ws: its port is used by --p2p.listen.tcp"]);
    assert!(node(&["--network=op-mainnet", "--p2p.listen.tcp=0", "--p2p.listen.ws=0"]).is_ok());
}

#[test]
fn a_port_below_1024_is_refused_only_where_op_node_refuses_it() {
    let settings = node(&[
        "--network=op-mainnet",
        "--p2p.listen.ip=127.0.0.1",
        "--p2p.listen.wss=443",
        "--p2p.wss.cert=cert.pem",
        "--p2p.wss.key=key.pem",
        "--p2p.listen.ws=80",
        "--p2p.listen.webtransport=443",
        "--p2p.listen.quic=444",
        "--http.port=81",
        "--metrics.enabled",
        "--metrics.port=82",
    ])
    .unwrap();
    let listen = settings.network.listen.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(listen.contains(&"/ip4/127.0.0.1/tcp/443/tls/ws".to_owned()), "{listen:?}");
    assert_eq!(settings.http.map(|(_, port)| port), Some(81));
    assert_eq!(settings.metrics.map(|(_, port)| port), Some(82));
    let mistakes = node(&["--network=op-mainnet", "--p2p.listen.tcp=1023", "--p2p.listen.udp=80"]).unwrap_err();
    assert_named(&mistakes, &["--p2p.listen.tcp: \"1023\"", "--p2p.listen.udp: \"80\""]);
    let devnet = devnet(&["--p2p.listen.ws=80", "--p2p.listen.webtransport=443", "--http.port=81"]).unwrap();
    assert_eq!(devnet.http.1, 81);
}

#[test]
fn a_raw_key_is_judged_and_never_shown() {
    let key = "11".repeat(32);
    let settings = node(&["--network=op-mainnet", "--p2p.priv.raw", &key]).unwrap();
    assert!(!format!("{settings:?}").contains(&key));
    let wrong = "22".repeat(31);
    let mistakes = node(&["--network=op-mainnet", "--p2p.priv.raw", &wrong]).unwrap_err();
    assert_named(&mistakes, &["--p2p.priv.raw is not a secp256k1 key"]);
    assert!(!mistakes[0].contains(&wrong));
}

#[test]
fn debug_of_flags_and_settings_shows_no_key_and_no_url() {
    let key = "11".repeat(32);
    let url = "https://me:a-secret@l1.example:8545/a-secret?key=a-secret";
    let args = ["petrel", "--network=op-mainnet", "--p2p.priv.raw", &key, "--l1", url];
    let cli = Cli::try_parse_from(args).unwrap();
    let settings = NodeSettings::resolve(&cli.node).unwrap();
    for shown in [format!("{cli:?}"), format!("{settings:?}")] {
        assert!(!shown.contains(&key) && !shown.contains("a-secret"), "{shown}");
    }
    assert!(format!("{settings:?}").contains("https://l1.example:8545"));
}

#[test]
fn names_of_a_proxy_are_hosts() {
    let settings = node(&["--network=op-mainnet", "--http.hosts=a.example, 192.0.2.1", "--p2p.advertise.ip=b.example"]);
    assert_eq!(settings.unwrap().hosts, ["a.example", "192.0.2.1", "b.example"]);
    let mistakes = node(&["--network=op-mainnet", "--http.hosts=https://a.example,a:1"]).unwrap_err();
    assert_named(&mistakes, &["\"https://a.example\" is neither", "\"a:1\" is neither"]);
}

#[test]
fn a_devnets_flags_are_judged_as_well() {
    let settings = devnet(&["--block-time=1s", "--block-bytes=10MiB", "--fork=ecotone,isthmus@5,jovian@10"]).unwrap();
    assert_eq!((settings.interval, settings.block_bytes), (Duration::from_secs(1), 10 << 20));
    assert_eq!(settings.schedule.iter().map(|(_, block)| *block).collect::<Vec<_>>(), [0, 5, 10]);

    let mistakes = devnet(&[
        "--block-time=1500us",
        "--block-bytes=11MiB",
        "--blocks=0",
        "--fork=jovian,isthmus@5",
        "--p2p.listen.ws=y",
        "--http.addr=x",
        "--http.port=y",
        "--log.level=z",
    ]);
    let expected = [
        "--block-time: 1.5ms",
        "--block-bytes: 11534336",
        "--blocks: expected 1 or more",
        "--fork: \"isthmus@5\" is not after the entry before it",
        "--p2p.listen.ws: \"y\"",
        "--http.addr: \"x\"",
        "--http.port: \"y\"",
        "--log.level: \"z\"",
    ];
    assert_named(&mistakes.unwrap_err(), &expected);
    assert_named(&devnet(&["--fork=frontier"]).unwrap_err(), &["expected bedrock"]);
}

/// A devnet's chain: when its blocks come, and where they have their milliseconds.
fn devnet_chain(args: &[&str]) -> (Vec<(u64, u64)>, Subsecond) {
    let chain = devnet(args).unwrap().chain(Address::repeat_byte(1)).unwrap();
    (steps(&chain.cadence), chain.subsecond)
}

#[test]
fn a_devnets_blocks_come_as_often_as_is_said_or_as_denim_has_it() {
    assert_eq!(devnet_chain(&[]), (vec![(0, 2000)], Subsecond::BaseTime));
    assert_eq!(devnet_chain(&["--block-time=3s"]).0, [(0, 3000)]);
    assert_eq!(devnet_chain(&["--block-time=250ms"]), (vec![(0, 250)], Subsecond::MixDigest));
    assert_eq!(devnet_chain(&["--fork=denim"]), (vec![(0, 200)], Subsecond::BaseTime));
    assert_eq!(devnet_chain(&["--fork=denim", "--block-time=200ms"]).0, [(0, 200)]);
    assert_eq!(devnet_chain(&["--fork=denim@20"]), (vec![(0, 2000), (20, 200)], Subsecond::BaseTime));
    assert_eq!(devnet_chain(&["--fork=ecotone,denim@5", "--block-time=1s"]).0, [(0, 1000), (5, 200)]);
    for (args, why) in [
        (
            &["--fork=denim", "--block-time=1s"][..],
            "--block-time: 1s cannot be with denim, whose blocks come every 200ms",
        ),
        (
            &["--fork=denim@5", "--block-time=250ms"],
            "--block-time: 250ms cannot be before denim: expected whole seconds",
        ),
        (&["--block-time=1500us"], "--block-time: 1.5ms is no block time"),
        (&["--block-time=200500us"], "--block-time: 200.5ms is no block time: expected whole milliseconds"),
        (&["--block-time=0"], "--block-time: 0ns is no block time"),
        (&["--fork=denim,jovian@5"], "--fork: \"jovian@5\" is not after the entry before it"),
    ] {
        assert_named(&devnet(args).unwrap_err(), &[why]);
    }
}

#[test]
fn reputation_has_op_nodes_values_and_takes_others() {
    let usual = node(&["--network", "op-mainnet"]).unwrap().config.reputation.clone();
    assert_eq!(usual, ReputationConfig::default());
    assert_eq!((usual.ban_threshold, usual.min_score, usual.ban_duration.as_secs()), (-100.0, None, 3600));
    let given = node(&[
        "--network=op-mainnet",
        "--p2p.scoring=none",
        "--p2p.ban.peers=false",
        "--p2p.ban.threshold=-50",
        "--p2p.ban.duration=90s",
        "--p2p.netrestrict=10.1.2.3/8,2001:db8::/32",
        "--p2p.peers.lo=5",
        "--p2p.peers.hi=9",
        "--p2p.peers.grace=1m",
    ]);
    let given = given.unwrap().config;
    assert_eq!((given.connections.low, given.connections.high, given.connections.grace.as_secs()), (5, 9, 60));
    let given = given.reputation.clone();
    assert!(!given.scoring && !given.bans);
    assert_eq!((given.ban_threshold, given.min_score, given.ban_duration.as_secs()), (-50.0, None, 90));
    assert_eq!(given.restrict.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.0/8", "2001:db8::/32"]);
    let own = node(&["--network=op-mainnet", "--p2p.gate.min-score", "-20"]).unwrap();
    assert_eq!(own.config.reputation.min_score, Some(-20.0));
}

#[test]
fn wrong_values_of_reputation_are_all_named() {
    let statics = format!("--p2p.static=/ip4/1.2.3.4/tcp/9222/p2p/{PEER}");
    let mistakes = node(&[
        "--network=op-mainnet",
        "--p2p.scoring=hard",
        "--p2p.ban.threshold=much",
        "--p2p.ban.duration=0s",
        "--p2p.gate.min-score=5",
        "--p2p.netrestrict=10.0.0.0/33,10.0.0.0/8",
        "--p2p.peers.lo=40",
        "--p2p.peers.grace=soon",
        &statics,
    ])
    .unwrap_err();
    let expected = [
        "--p2p.scoring: \"hard\"",
        "--p2p.ban.threshold: \"much\"",
        "a ban of 0ns is not possible: it must last a second to a year",
        "the minimum score is 5",
        "the low watermark is 40 and the high",
        "--p2p.peers.grace",
        "--p2p.netrestrict: \"10.0.0.0/33\"",
        "1.2.3.4 is in none of the networks",
    ];
    assert_named(&mistakes, &expected);
    let endless = node(&["--network=op-mainnet", "--p2p.ban.duration=9000h", "--p2p.ban.threshold=nan"]).unwrap_err();
    assert_named(&endless, &["it must last a second to a year", "the ban threshold is NaN"]);
}

#[test]
fn sync_and_store_have_op_nodes_values_and_take_others() {
    let settings = node(&["--network", "op-mainnet"]).unwrap();
    let sync = settings.config.sync;
    assert!(sync.enabled && sync.serve && !sync.static_only);
    assert_eq!(sync.max_gap, Duration::from_secs(12 * 3600));
    assert_eq!((sync.limits.all, sync.limits.peer), (Some(Rate::new(20, 40)), Some(Rate::new(4, 15))));
    assert_eq!(settings.budget, StoreBudget { blocks: 43_200, bytes: 8 << 30 });

    let settings = node(&[
        "--network=op-mainnet",
        "--p2p.sync.req-resp=false",
        "--p2p.sync.onlyreqtostatic",
        "--p2p.gossip.mesh.floodpublish=false",
        "--p2p.sync.max-gap=10m",
        "--p2p.sync.limit=0",
        "--p2p.sync.peer-limit=8/30",
        "--p2p.sync.leaf-bytes=0",
        "--store.blocks=100",
        "--store.bytes=1GiB",
    ])
    .unwrap();
    let sync = settings.config.sync;
    assert!(!sync.enabled && sync.static_only);
    assert_eq!(sync.max_gap, Duration::from_secs(600));
    assert_eq!((sync.limits.all, sync.limits.peer, sync.limits.leaf_bytes), (None, Some(Rate::new(8, 30)), None));
    assert_eq!(settings.budget, StoreBudget { blocks: 100, bytes: 1 << 30 });
}

#[test]
fn wrong_values_of_sync_and_store_are_all_named() {
    let mistakes = node(&[
        "--network=op-mainnet",
        "--p2p.sync.max-gap=much",
        "--p2p.sync.limit=20",
        "--p2p.sync.peer-limit=0/5",
        "--p2p.sync.leaf-bytes=much",
        "--store.blocks",
        "-1",
        "--store.bytes=1TB",
    ])
    .unwrap_err();
    let expected = [
        "--p2p.sync.max-gap",
        "--p2p.sync.limit",
        "--p2p.sync.peer-limit",
        "--p2p.sync.leaf-bytes",
        "--store.blocks",
        "--store.bytes",
    ];
    assert_named(&mistakes, &expected);
    let mistakes =
        node(&["--network=op-mainnet", "--p2p.sync.max-gap=1s", "--p2p.sync.leaf-bytes=4kB", "--store.bytes=0"])
            .unwrap_err();
    assert_named(&mistakes, &["shorter than the block interval", "1MiB", "--store.blocks=0"]);
    let none = node(&["--network=op-mainnet", "--p2p.sync.max-gap=0", "--p2p.sync.leaf-bytes=0"]).unwrap();
    assert_eq!((none.config.sync.max_gap, none.config.sync.limits.leaf_bytes), (Duration::ZERO, None));
}
