//! Node records and boot nodes.

use std::net::IpAddr;

use alloy_primitives::{Bytes, hex};
use discv5::Enr;
use enr::CombinedKey;
use libp2p::identity::{Keypair, secp256k1};
use petrel_node::network::discovery::{
    Bootnode, RecordEndpoint, RecordRejection, RelayEntry, build_record, decode_opstack_entry, default_bootnodes,
    opstack_entry, peer_from_record, signing_key,
};

fn identity() -> Keypair {
    secp256k1::Keypair::generate().into()
}

const ENDPOINT: RecordEndpoint =
    RecordEndpoint { ip: Some(IpAddr::V4(std::net::Ipv4Addr::new(8, 8, 4, 4))), tcp: 9222, udp: 9223 };

/// A record with this `opstack` entry, as RLP.
fn with_entry(rlp: &str) -> Enr {
    let key = CombinedKey::generate_secp256k1();
    let mut builder = Enr::builder();
    builder.ip4([8, 8, 8, 8].into()).tcp4(9222).add_value_rlp("opstack", hex::decode(rlp).unwrap().into());
    builder.build(&key).unwrap()
}

#[test]
fn the_entry_of_each_chain_equals_op_nodes() {
    // The specification's table of protocol values, as RLP: the length and the bytes.
    let known = [
        (10, "820a00"),
        (130, "83820100"),
        (420, "83a40300"),
        (901, "83850700"),
        (8453, "83854200"),
        (57073, "84f1bd0300"),
        (84532, "84b4940500"),
        (7_777_777, "85f1dbda0300"),
        (11_155_420, "85dcefa80500"),
    ];
    for (chain, rlp) in known {
        let value = opstack_entry(chain);
        let whole = [&[0x80 + value.len() as u8][..], &value].concat();
        assert_eq!(hex::encode(whole), rlp, "{chain}");
        assert_eq!(decode_opstack_entry(&value), Ok((chain, 0)));
        assert!(peer_from_record(&with_entry(rlp), chain).is_ok());
    }
    assert_eq!(decode_opstack_entry(&opstack_entry(u64::MAX)), Ok((u64::MAX, 0)));
}

#[test]
fn records_of_other_chains_are_recognised() {
    let of = |rlp: &str| peer_from_record(&with_entry(rlp), 10).map(|_| ());
    assert_eq!(of("83820100"), Err(RecordRejection::OtherChain(130)));
    assert_eq!(of("820a01"), Err(RecordRejection::OtherVersion(1)));
    // Numbers with unnecessary bytes, and bytes after them: op-node accepts both.
    assert_eq!(of("838a0000"), Ok(()));
    assert_eq!(of("840a00ffff"), Ok(()));
    for malformed in ["80", "0a", "820aff", "c20a00", "8bffffffffffffffffffff0100"] {
        assert_eq!(of(malformed), Err(RecordRejection::Malformed), "{malformed}");
    }

    let key = CombinedKey::generate_secp256k1();
    let value = Bytes::from(opstack_entry(10));
    let build = |builder: &mut enr::Builder<CombinedKey>, key: &CombinedKey| builder.build(key).unwrap();
    let nothing = build(Enr::builder().ip4([8, 8, 8, 8].into()).tcp4(1), &key);
    assert_eq!(peer_from_record(&nothing, 10), Err(RecordRejection::NoEntry));
    let nowhere = build(Enr::builder().ip4([8, 8, 8, 8].into()).udp4(1).add_value("opstack", &value), &key);
    assert_eq!(peer_from_record(&nowhere, 10), Err(RecordRejection::NoAddress));
    let no_ip = build(Enr::builder().tcp4(1).add_value("opstack", &value), &key);
    assert_eq!(peer_from_record(&no_ip, 10), Err(RecordRejection::NoAddress));
    let port_0 = build(Enr::builder().ip4([8, 8, 8, 8].into()).tcp4(0).add_value("opstack", &value), &key);
    assert_eq!(peer_from_record(&port_0, 10), Err(RecordRejection::NoAddress));
    let other = CombinedKey::generate_ed25519();
    let ed25519 = build(Enr::builder().ip4([8, 8, 8, 8].into()).tcp4(1).add_value("opstack", &value), &other);
    assert_eq!(peer_from_record(&ed25519, 10), Err(RecordRejection::NoKey));
    let ip6 = build(Enr::builder().ip6([9; 16].into()).tcp6(9222).add_value("opstack", &value), &key);
    let (_, addresses) = peer_from_record(&ip6, 10).unwrap();
    assert_eq!(addresses[0].to_string(), "/ip6/909:909:909:909:909:909:909:909/tcp/9222");
}

#[test]
fn our_record_has_our_peer_id_and_its_number_rises_with_each_change() {
    let identity = identity();
    let key = signing_key(&identity).unwrap();
    let first = build_record(&key, 10, ENDPOINT, None, None).unwrap();
    let (peer, addresses) = peer_from_record(&first, 10).unwrap();
    assert_eq!(peer, identity.public().to_peer_id());
    assert_eq!(addresses, ["/ip4/8.8.4.4/tcp/9222".parse().unwrap()]);
    assert_eq!((first.seq(), first.udp4()), (1, Some(9223)));
    assert_eq!(build_record(&key, 10, ENDPOINT, None, Some(&first)).unwrap(), first);
    let moved = build_record(&key, 10, RecordEndpoint { tcp: 9000, ..ENDPOINT }, None, Some(&first)).unwrap();
    assert_eq!((moved.seq(), moved.tcp4()), (2, Some(9000)));
    // A record of another key is not ours.
    let other = signing_key(&self::identity()).unwrap();
    assert_eq!(build_record(&other, 10, ENDPOINT, None, Some(&moved)).unwrap().seq(), 1);
    assert_eq!(moved.to_base64().parse::<Enr>().unwrap(), moved);
}

#[test]
fn the_record_of_a_relay_says_where_its_relay_record_is_and_is_still_a_peers_record() {
    let key = signing_key(&identity()).unwrap();
    let entry = RelayEntry { port: 8080, host: None };
    let record = build_record(&key, 10, ENDPOINT, Some(&entry), None).unwrap();
    let read: Enr = record.to_base64().parse().unwrap();
    assert_eq!(RelayEntry::of_record(&read), Some(entry.clone()));
    assert_eq!(peer_from_record(&read, 10).unwrap().1, ["/ip4/8.8.4.4/tcp/9222".parse().unwrap()]);
    assert_eq!(RelayEntry::of_record(&build_record(&key, 10, ENDPOINT, None, None).unwrap()), None);
    // A daemon that no longer serves browsers has a newer record without it, and back.
    let without = build_record(&key, 10, ENDPOINT, None, Some(&record)).unwrap();
    assert_eq!((RelayEntry::of_record(&without), without.seq()), (None, 2));
    assert_eq!(build_record(&key, 10, ENDPOINT, Some(&entry), Some(&without)).unwrap().seq(), 3);
}

#[test]
fn a_record_with_the_longest_host_has_room_for_both_ips_and_any_chain() {
    let key = signing_key(&identity()).unwrap();
    let host = format!("{}.ab", "a".repeat(RelayEntry::MAX_HOST - 3));
    let entry = RelayEntry { port: u16::MAX, host: Some(host) };
    let endpoint = RecordEndpoint { tcp: u16::MAX, udp: u16::MAX, ..ENDPOINT };
    let mut record = build_record(&key, u64::MAX, endpoint, Some(&entry), None).unwrap();
    record.set_seq(u64::MAX - 9, &key).unwrap();
    record.set_tcp6(u16::MAX, &key).unwrap();
    record.set_udp_socket("[2001:db8:9999::1]:65535".parse().unwrap(), &key).unwrap();
    assert!(record.size() <= 300, "{} bytes", record.size());
    assert_eq!(RelayEntry::of_record(&record), Some(entry));
}

#[test]
fn boot_nodes_are_records_enodes_or_multiaddrs() {
    let mainnet: Vec<Bootnode> = default_bootnodes(1).iter().map(|text| text.parse().unwrap()).collect();
    assert_eq!((mainnet.len(), default_bootnodes(11_155_111).len(), default_bootnodes(900).len()), (13, 8, 0));
    assert!(default_bootnodes(11_155_111).iter().all(|text| text.parse::<Bootnode>().is_ok()));
    // A name with a separate UDP port.
    let conduit =
        mainnet.iter().find(|boot| matches!(boot, Bootnode::Contact { host, .. } if host == "bootnode.conduit.xyz"));
    assert!(matches!(conduit, Some(Bootnode::Contact { port: 30301, .. })));
    let mut base = mainnet.iter().filter_map(|boot| match boot {
        Bootnode::Record(record) => Some(peer_from_record(record, 8453).unwrap().1[0].to_string()),
        Bootnode::Contact { .. } => None,
    });
    assert_eq!(base.next_back().unwrap(), "/ip4/54.198.153.150/tcp/9222");

    let peer = identity().public().to_peer_id();
    let contact = |host: &str, port| Bootnode::Contact { peer, host: host.to_owned(), port };
    assert_eq!(format!("/ip4/1.2.3.4/udp/9222/p2p/{peer}").parse(), Ok(contact("1.2.3.4", 9222)));
    assert_eq!(format!("/dns4/boot.example/tcp/9000/p2p/{peer}").parse(), Ok(contact("boot.example", 9000)));
    assert_eq!(format!("/ip6/2001:db8::1/udp/1/p2p/{peer}").parse(), Ok(contact("2001:db8::1", 1)));
    let rsa = "12D3KooWGqpKnY6SFGCjLKbyJ3GdMBn2kVjVmLbCxN2uXdPDn6GA";
    let key = "869d07b5932f17e8490990f75a3f94195e9504ddb6b85f7189e5a9c0a8fff8b00aecf6f3ac450ecba6cdabdb5858788a94bde2b613e0f2d82e9b395355f76d1a";
    let wrong = [
        ("enr:-J24", "enr:-J24"),
        ("enode://zz@1.2.3.4:1", "no hex"),
        ("enode://12@1.2.3.4:1", "no point"),
        (&format!("enode://{key}@1.2.3.4:1?discport=x"), "no port"),
        (&format!("enode://{key}@1.2.3.4:0"), "no UDP port"),
        (&format!("enode://{}@1.2.3.4:1", key.replace('8', "9")), "no point"),
        ("/ip4/1.2.3.4/udp/1", "lacks /p2p"),
        (&format!("/udp/1/p2p/{peer}"), "no host"),
        (&format!("/ip4/1.2.3.4/udp/1/quic-v1/p2p/{peer}"), "no place"),
        (&format!("/ip4/1.2.3.4/udp/1/p2p/{rsa}x"), "expected enr"),
        ("", "expected enr"),
    ];
    for (text, reason) in wrong {
        let error = text.parse::<Bootnode>().unwrap_err();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

/// The forms in operators' files: with and without brackets, and with a separate UDP port.
#[test]
fn an_enode_may_be_at_an_ipv6_address_and_a_mapped_one_is_ipv4() {
    let key = "869d07b5932f17e8490990f75a3f94195e9504ddb6b85f7189e5a9c0a8fff8b00aecf6f3ac450ecba6cdabdb5858788a94bde2b613e0f2d82e9b395355f76d1a";
    let boot = |at: &str| format!("enode://{key}@{at}").parse::<Bootnode>();
    let right = [
        ("::ffff:1.2.3.4:0?discport=30301", "1.2.3.4", 30301),
        ("::ffff:1.2.3.4:30303", "1.2.3.4", 30303),
        ("[::ffff:1.2.3.4]:0?discport=30301", "1.2.3.4", 30301),
        ("[::ffff:102:304]:30303", "1.2.3.4", 30303),
        ("[2001:db8::1]:30303", "2001:db8::1", 30303),
        ("2001:db8::1:30303?discport=30301", "2001:db8::1", 30301),
        ("1.2.3.4:0?discport=30301", "1.2.3.4", 30301),
    ];
    for (at, ip, port) in right {
        let found = boot(at).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(found.ip(), Some(ip.parse().unwrap()), "{at}");
        assert!(matches!(&found, Bootnode::Contact { host, port: udp, .. } if host == ip && *udp == port), "{found:?}");
    }
    let peer = identity().public().to_peer_id();
    let mapped: Bootnode = format!("/ip6/::ffff:1.2.3.4/udp/9222/p2p/{peer}").parse().unwrap();
    assert_eq!(mapped.ip(), Some([1, 2, 3, 4].into()));
    assert_eq!(mapped.to_string(), format!("1.2.3.4:9222 (peer {peer})"));

    for wrong in ["2001:db8:::1:30303", "::ffff:1.2.3.400:1", "::ffff:1.2.3.4", "::ffff:1.2.3.4:x", "1.2.3.4:1:2"] {
        let error = boot(wrong).unwrap_err();
        assert!(error.contains("[2001:db8::1]:30303"), "{wrong}: {error}");
    }
    for wrong in ["[2001:db8::1:30303", "[::ffff:1.2.3.4]:99999", "::ffff:1.2.3.4:0", ""] {
        let error = boot(wrong).unwrap_err();
        assert!(error.contains("expected enr:…") && error.lines().count() == 1, "{wrong}: {error}");
    }
}

#[tokio::test]
async fn a_boot_node_at_a_mapped_address_is_asked_over_ipv4() {
    let peer = identity().public().to_peer_id();
    let contact = Bootnode::Contact { peer, host: "::ffff:127.0.0.1".to_owned(), port: 1 };
    assert_eq!(contact.addresses().await.unwrap(), [format!("/ip4/127.0.0.1/udp/1/p2p/{peer}").parse().unwrap()]);
}
