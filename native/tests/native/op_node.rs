//! op-node's settings start Petrel: those of operators' own repositories, and each flag of its reference.

use std::ffi::OsString;

use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};
use petrel_core::fork::Fork;
use petrel_node::cli::{
    env::with_fallback,
    flags::{Cli, NodeFlags},
    op_node::{self, Takes, UNUSED, Variables},
    settings::NodeSettings,
};

/// What settles from these arguments in this environment, and the warnings. Both are op-node's own, so the name is the only change.
fn start(args: &[&str], env: &[(&str, &str)]) -> (NodeFlags, Vec<String>) {
    let value = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
    let command = op_node::take(with_fallback(Cli::command(), &value));
    // clap reads the variables of this process, which are the same for all tests.
    let from_env: Vec<String> = command
        .get_arguments()
        .filter_map(|arg| {
            let name = arg.get_env()?.to_str()?;
            let (_, value) = env.iter().find(|(key, value)| *key == name && !value.is_empty())?;
            Some(format!("--{}={value}", arg.get_long()?))
        })
        .collect();
    let given = ["petrel"].into_iter().chain(args.iter().copied()).chain(from_env.iter().map(String::as_str));
    let matches: ArgMatches = command.try_get_matches_from(given).unwrap();
    let variables: Variables = env.iter().map(|(name, value)| (name.into(), value.into())).collect();
    let warnings = op_node::warnings(&matches, &variables);
    (Cli::from_arg_matches(&matches).unwrap().node, warnings)
}

/// An environment file.
fn env_file(text: &str) -> Vec<(&str, &str)> {
    text.lines().filter_map(|line| line.split_once('=')).collect()
}

/// The first words of the warnings.
fn names(warnings: &[String]) -> Vec<&str> {
    warnings.iter().map(|warning| warning.split(' ').next().unwrap()).collect()
}

#[test]
fn operators_own_settings_start_petrel_and_name_what_is_not_used() {
    let (flags, warnings) = start(&[], &env_file(include_str!("operators/unichain-mainnet.env")));
    let settings = NodeSettings::resolve(&flags).unwrap();
    assert_eq!(settings.config.chain.id, 130);
    assert_eq!(settings.l1.unwrap().confs, 4);
    assert_eq!(settings.metrics.unwrap().1, 7300);
    let expected = [
        "OP_NODE_L1_BEACON",
        "OP_NODE_L2_ENGINE_RPC",
        "OP_NODE_L2_ENGINE_AUTH",
        "OP_NODE_P2P_DISCOVERY_PATH",
        "OP_NODE_P2P_PEERSTORE_PATH",
        "OP_NODE_RPC_ADDR",
        "OP_NODE_RPC_PORT",
        "OP_NODE_SYNCMODE",
    ];
    assert_eq!(names(&warnings), expected);

    let (flags, warnings) = start(&[], &env_file(include_str!("operators/lisk-mainnet.env")));
    let settings = NodeSettings::resolve(&flags).unwrap();
    assert_eq!((settings.config.chain.id, settings.config.static_peers.len()), (1135, 1));
    assert!(names(&warnings).contains(&"OP_NODE_SNAPSHOT_LOG"));
    let raw = warnings.iter().find(|warning| warning.starts_with("OP_NODE_L2_ENGINE_AUTH_RAW")).unwrap();
    assert!(raw.contains("neither"), "it is that of a wrapper script: {raw}");

    let args: Vec<&str> = include_str!("operators/ink.args").lines().collect();
    let (flags, warnings) = start(&args, &[]);
    let settings = NodeSettings::resolve(&flags).unwrap();
    assert_eq!(settings.config.chain.id, 57073);
    assert_eq!(settings.config.chain.forks.time(Fork::Holocene), Some(1), "--override.holocene=1 is used");
    assert!(settings.schedule_origin().contains("overridden: holocene"), "{}", settings.schedule_origin());
    assert!(
        names(&warnings).contains(&"--l2.jwt-secret") && names(&warnings).contains(&"--rollup.halt"),
        "{warnings:?}"
    );
}

#[test]
fn each_flag_of_op_node_is_used_or_says_why_not() {
    let command = with_fallback(Cli::command(), &|_| None);
    let of_node = command.find_subcommand("node").unwrap();
    let reference: Vec<(&str, &str)> =
        include_str!("operators/op-node.flags").lines().map(|line| line.split_once(' ').unwrap()).collect();
    assert_eq!(reference.len(), 102);
    for (flag, variable) in reference {
        let ours = of_node.get_arguments().find(|arg| arg.get_long() == Some(flag));
        let unused = UNUSED.iter().find(|unused| unused.flag == flag);
        match (ours, unused) {
            (Some(ours), None) => assert_eq!(ours.get_env().unwrap().to_str(), Some(&*format!("PETREL_{variable}"))),
            (None, Some(unused)) => assert_eq!(unused.variable, variable),
            (ours, _) => panic!("--{flag}: ours {}", ours.is_some()),
        }
    }
}

#[test]
fn each_unused_setting_warns_once_and_a_switch_that_is_off_asks_for_nothing() {
    for unused in UNUSED {
        let flag = format!("--{}", unused.flag);
        let args = match unused.takes {
            Takes::Switch => vec![flag.clone()],
            Takes::Value => vec![flag.clone(), "-1".to_owned()],
        };
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (_, warnings) = start(&args, &[]);
        assert_eq!(names(&warnings), [flag.as_str()]);
        assert!(warnings[0].ends_with(unused.why), "{warnings:?}");
        if unused.takes == Takes::Switch {
            assert_eq!(start(&[&format!("{flag}=false")], &[]).1, [""; 0]);
        }
        let variable = format!("OP_NODE_{}", unused.variable);
        if !unused.variable.is_empty() {
            assert_eq!(names(&start(&[], &[(&variable, "true")]).1), [variable.as_str()]);
            assert_eq!(start(&args, &[(&variable, "true")]).1.len(), 1, "the command line has precedence");
            assert_eq!(start(&[], &[(&variable, "")]).1, [""; 0], "an empty variable is not set");
        }
        for kona in unused.kona {
            let variable = format!("KONA_NODE_P2P_{kona}");
            assert_eq!(names(&start(&[], &[(&variable, "true")]).1), [variable.as_str()]);
        }
    }
}

#[test]
fn a_misspelt_variable_is_named() {
    let env =
        [("OP_NODE_P2P_STATICS", "x"), ("KONA_NODE_P2P_STATIC_PEERS", "x"), ("KONA_NODE_RPC_PORT", "1"), ("HOME", "/")];
    assert_eq!(names(&start(&[], &env).1), ["KONA_NODE_P2P_STATIC_PEERS", "OP_NODE_P2P_STATICS"]);
    assert_eq!(start(&["--p2p.scoring.peers=none"], &[]).0.peers.scoring, "none", "the old name of --p2p.scoring");
}

#[test]
fn the_variables_of_kona_are_used_with_their_units() {
    let env = [
        ("KONA_NODE_P2P_LISTEN_TCP_PORT", "9333"),
        ("KONA_NODE_P2P_ADVERTISE_TCP_PORT", "9334"),
        ("KONA_NODE_P2P_BAN_DURATION", "60"),
        ("KONA_NODE_P2P_BAN_PEERS", "false"),
        ("KONA_NODE_P2P_PEERS_GRACE", "45"),
        ("KONA_NODE_P2P_SCORING", "none"),
        ("KONA_NODE_P2P_UNSAFE_BLOCK_SIGNER", "0x0000000000000000000000000000000000000001"),
        ("OP_NODE_P2P_PEERS_LO", "7"),
        ("KONA_NODE_P2P_PEERS_LO", "8"),
    ];
    let (flags, warnings) = start(&["--network", "base-mainnet"], &env);
    assert_eq!(warnings, [""; 0]);
    assert_eq!((&*flags.p2p.listen.tcp, &*flags.discovery.advertise_tcp), ("9333", "9334"));
    assert_eq!((&*flags.peers.ban_duration, &*flags.peers.peers_grace, flags.peers.bans), ("60m", "45s", false));
    assert_eq!((&*flags.peers.scoring, &*flags.peers.peers_lo), ("none", "7"), "op-node's variable has precedence");
    assert!(flags.chain.signer.is_some());
}

#[test]
fn an_override_that_reverses_two_forks_is_refused() {
    let (flags, _) = start(&["--network", "op-mainnet", "--override.jovian", "1", "--override.karst=x"], &[]);
    let errors = NodeSettings::resolve(&flags).unwrap_err().to_string();
    assert!(errors.contains("jovian_time 1 is before isthmus_time"), "{errors}");
    assert!(errors.contains("--override.karst: \"x\" is no time"), "{errors}");
}

/// `native/FLAGS.md`, from the same definitions as `--help`. With `PETREL_WRITE_FLAGS` set the file is written.
#[test]
fn the_table_of_flags_in_the_documentation_is_that_of_the_program() {
    let text = table();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/FLAGS.md");
    if std::env::var_os("PETREL_WRITE_FLAGS").is_some() {
        std::fs::write(file, &text).unwrap();
    }
    let written = std::fs::read_to_string(file).unwrap_or_default();
    let differing = written.lines().zip(text.lines()).find(|(written, line)| written != line);
    assert_eq!(differing, None, "run this test with PETREL_WRITE_FLAGS=1");
    assert_eq!(written.len(), text.len(), "run this test with PETREL_WRITE_FLAGS=1");
}

fn table() -> String {
    let command = Cli::command();
    let mut text = "# Flags of `petrel node`\n\nEach flag has an environment variable, `PETREL_` and what is in the second column, or op-node's, \
                    `OP_NODE_` and the same, if that is not set, or kona-node's, `KONA_NODE_` and the same where it begins with `P2P_`. \
                    `cargo test -p petrel-node --test native op_node` compares this file with the program.\n\n\
                    | flag | variable | default | |\n|---|---|---|---|\n"
        .to_owned();
    text.push_str(&used(command.find_subcommand("node").unwrap()));
    text.push_str(
        "\n## Taken and not used\n\nSettings of op-node and kona-node that start Petrel too, each with a warning.\n\n\
         | flag | op-node's variable | kona-node's variable | what it does not do here |\n|---|---|---|---|\n",
    );
    for unused in UNUSED {
        let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
        let kona: Vec<String> = unused.kona.iter().map(|name| code(&format!("KONA_NODE_P2P_{name}"))).collect();
        let op_node =
            if unused.variable.is_empty() { String::new() } else { code(&format!("OP_NODE_{}", unused.variable)) };
        text.push_str(&format!("| `--{}` | {op_node} | {} | {} |\n", unused.flag, kona.join(", "), unused.why));
    }
    text
}

fn used(command: &Command) -> String {
    let rows = command.get_arguments().filter_map(|arg| {
        let variable = arg.get_env()?.to_str()?.strip_prefix("PETREL_")?;
        let default: Vec<String> =
            arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
        let help = arg.get_help()?.to_string().replace('|', "\\|").replace('\n', " ");
        let default = default.join(",");
        let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
        Some(format!("| `--{}` | `{variable}` | {default} | {help} |\n", arg.get_long()?))
    });
    rows.collect()
}
