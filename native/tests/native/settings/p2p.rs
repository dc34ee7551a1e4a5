//! Listeners, peers, keys and gossip.

use std::{fs, net::IpAddr, time::Duration};

use clap::Parser;
use petrel_node::{
    cli::{flags::Cli, settings::NodeSettings},
    identity::IdentitySource,
    network::SecurityProtocol,
};

use super::harness::{PEER, assert_reported, devnet, node};

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
fn given_values_are_used() {
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

/// The lists of the settings: listeners, number of static peers, number of boot nodes, encryption, networks.
fn lists(args: &[&str]) -> (Vec<String>, usize, usize, Vec<SecurityProtocol>, Vec<String>) {
    let settings = node(&[&["--network=op-mainnet"], args].concat()).unwrap();
    let listen = settings.network.listen.iter().map(ToString::to_string).collect();
    let restrict = settings.config.reputation.restrict.iter().map(ToString::to_string).collect();
    let (statics, boot) = (settings.config.static_peers.len(), settings.discovery.unwrap().boot.len());
    (listen, statics, boot, settings.network.security, restrict)
}

#[test]
fn an_empty_element_of_a_list_is_skipped_and_an_empty_list_counts_as_not_given() {
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
fn all_mistakes_are_reported_at_once_even_without_a_chain() {
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
    assert_reported(&mistakes, &expected);
}

#[test]
fn two_listeners_do_not_share_a_port() {
    let mistakes = node(&["--network=op-mainnet", "--p2p.listen.tcp=9222", "--p2p.listen.ws=9222"]);
    assert_reported(&mistakes.unwrap_err(), &["--p2p.listen.ws: its port is used by --p2p.listen.tcp"]);
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
    assert_reported(&mistakes, &["--p2p.listen.tcp: \"1023\"", "--p2p.listen.udp: \"80\""]);
    let devnet = devnet(&["--p2p.listen.ws=80", "--p2p.listen.webtransport=443", "--http.port=81"]).unwrap();
    assert_eq!(devnet.http.1, 81);
}

#[test]
fn a_raw_key_is_checked_and_never_shown() {
    let key = "11".repeat(32);
    let settings = node(&["--network=op-mainnet", "--p2p.priv.raw", &key]).unwrap();
    assert!(!format!("{settings:?}").contains(&key));
    let wrong = "22".repeat(31);
    let mistakes = node(&["--network=op-mainnet", "--p2p.priv.raw", &wrong]).unwrap_err();
    assert_reported(&mistakes, &["--p2p.priv.raw is not a secp256k1 key"]);
    assert!(!mistakes[0].contains(&wrong));
}

#[test]
fn debug_output_of_flags_and_settings_has_no_key_and_no_url() {
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
fn http_hosts_and_the_advertised_host_are_allowed_hosts() {
    let settings = node(&["--network=op-mainnet", "--http.hosts=a.example, 192.0.2.1", "--p2p.advertise.ip=b.example"]);
    assert_eq!(settings.unwrap().hosts, ["a.example", "192.0.2.1", "b.example"]);
    let mistakes = node(&["--network=op-mainnet", "--http.hosts=https://a.example,a:1"]).unwrap_err();
    assert_reported(&mistakes, &["\"https://a.example\" is neither", "\"a:1\" is neither"]);
}

#[test]
fn trusted_proxies_are_addresses_or_networks_but_not_everybody() {
    let given = ["--network=op-mainnet", "--p2p.listen.ws=9301", "--p2p.ws.trusted-proxies=10.0.0.1,172.16.3.4/12"];
    let proxies = node(&given).unwrap().network.trusted_proxies;
    assert_eq!(proxies.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.1/32", "172.16.0.0/12"]);
    let mistakes = node(&["--network=op-mainnet", "--p2p.ws.trusted-proxies=0.0.0.0/0,proxy.example,10.0.0.1"]);
    let expected = ["0.0.0.0/0", "proxy.example", "needs --p2p.listen.ws or --p2p.listen.wss"];
    assert_reported(&mistakes.unwrap_err(), &expected);
}
