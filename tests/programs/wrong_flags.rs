//! Errors that prevent the start are reported at once, with status 2.

use std::net::TcpListener;

use petrel_tests::petrel::{self, refused};

#[test]
fn every_mistake_is_reported() {
    let (code, said) = refused(&[
        "--p2p.listen.tcp=80",
        "--p2p.static=nonsense",
        "--p2p.gossip.timestamp.threshold=soon",
        "--p2p.unsafe-block-signer=me",
    ]);
    assert_eq!(code, Some(2));
    for part in ["no chain is given", "--p2p.listen.tcp", "--p2p.static", "timestamp.threshold", "unsafe-block-signer"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(said.lines().all(|line| line.starts_with("petrel: ")), "{said}");
}

#[test]
fn an_empty_element_of_a_variables_list_is_no_mistake() {
    let mut command = petrel::command(&["node", "--network=op-mainnet"]);
    for (name, list) in [
        ("PETREL_P2P_STATIC", "nonsense, ,"),
        ("OP_NODE_P2P_BOOTNODES", ",enr:x"),
        ("OP_NODE_P2P_LISTEN_IP", "127.0.0.1,"),
        ("PETREL_P2P_SECURITY", " "),
        ("PETREL_P2P_NETRESTRICT", ","),
    ] {
        command.env(name, list);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let mistakes: Vec<&str> = said.lines().collect();
    assert_eq!((output.status.code(), mistakes.len()), (Some(2), 2), "{said}");
    assert!(said.contains("--p2p.static: \"nonsense\"") && said.contains("--p2p.bootnodes: \"enr:x\""), "{said}");
}

#[test]
fn an_unknown_flag_or_subcommand_is_refused() {
    for args in [&["--p2p.listen.tpc=1"][..], &["nodes"], &["devnet", "--block-tiem=1s"], &["check"], &["--events=xml"]]
    {
        let (code, said) = refused(args);
        assert_eq!(code, Some(2), "{args:?}: {said}");
        assert!(said.contains("error"), "{said}");
    }
}

#[test]
fn a_used_port_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let datadir = folder.path().to_str().unwrap();
    let node = ["--network=op-mainnet", "--p2p.no-discovery", "--p2p.listen.ip=127.0.0.1", "--datadir", datadir];
    let (code, said) = refused(&[&node[..], &["--p2p.listen.tcp", &port]].concat());
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains(&port), "{said}");
    let (code, said) = refused(&[&node[..], &["--p2p.listen.tcp=0", "--http.port", &port]].concat());
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains(&port), "{said}");
}

#[test]
fn help_and_version_are_no_mistake() {
    for args in [["--help"], ["--version"]] {
        assert_eq!(refused(&args).0, Some(0));
    }
}

#[test]
fn a_datadir_that_is_not_a_folder_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    let datadir = format!("--datadir={}", file.display());
    let (code, said) = refused(&["node", "--network=op-mainnet", "--p2p.no-discovery", &datadir]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--datadir"), "{said}");
}
