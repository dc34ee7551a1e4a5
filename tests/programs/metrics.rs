//! Metrics in Prometheus' text format.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
};

use petrel_tests::{process::Process, sequencer::Sequencer};

use crate::node::{arguments, block, start};

pub(crate) const METRICS: [&str; 2] = ["--metrics.enabled", "--metrics.port=0"];

/// The port of the metrics, from the line on stderr.
pub(crate) fn port(node: &Process) -> u16 {
    let said = node.until_stderr("/metrics");
    let before = said.split("/metrics").next().unwrap();
    before.rsplit(':').next().unwrap().parse().unwrap()
}

pub(crate) fn get(port: u16, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// One response: the types by name, and the values by name with labels.
pub(crate) struct Scrape {
    text: String,
    types: BTreeMap<String, String>,
    values: BTreeMap<String, f64>,
}

pub(crate) fn scrape(node: &Process) -> Scrape {
    let (head, text) = get(port(node), "/metrics");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/plain; version=0.0.4"), "{head}");
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let types = types.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect();
    let values = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    });
    Scrape { types, values: values.collect(), text }
}

impl Scrape {
    pub(crate) fn value(&self, name: &str) -> f64 {
        *self.values.get(name).unwrap_or_else(|| panic!("no {name} in\n{}", self.text))
    }

    fn is(&self, kind: &str, names: &[&str]) {
        for name in names {
            assert_eq!(self.types.get(*name).map(String::as_str), Some(kind), "{name} in\n{}", self.text);
        }
    }
}

/// Dashboards query these names, and the queries depend on the types.
#[test]
fn op_nodes_metrics_have_their_names_and_types_and_their_values_change() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let words = arguments(&sequencer, folder.path(), &sequencer.address);
    let mut node = start(&words, &METRICS);
    node.event("stored");
    let before = scrape(&node);
    let op_node = |name: &str| format!("op_node_default_{name}");
    let gauges = [
        "up",
        "p2p_peer_count",
        "p2p_bandwidth_bytes_total",
        "p2p_payloads_quarantine_total",
        "refs_number",
        "refs_hash",
    ];
    before.is("gauge", &gauges.map(op_node).each_ref().map(String::as_str));
    let counters = [
        "p2p_gossip_events_total",
        "p2p_peer_unbans",
        "p2p_ip_unbans",
        "p2p_dials",
        "p2p_accepts",
        "unsafe_payloads_total",
    ];
    before.is("counter", &counters.map(op_node).each_ref().map(String::as_str));
    before.is("histogram", &["petrel_block_delay_seconds"]);
    assert_eq!(before.value("op_node_default_p2p_peer_count"), 1.0);
    assert_eq!(before.value("op_node_default_p2p_dials{allow=\"true\"}"), 1.0);
    assert_eq!(before.value("op_node_default_p2p_gossip_events_total{type=\"ADD_PEER\"}"), 1.0);
    assert_eq!(before.value("petrel_peers{direction=\"outbound\",transport=\"tcp\"}"), 1.0);
    assert!(before.value("petrel_store_blocks") >= 1.0 && before.value("petrel_store_bytes") > 1_000.0);
    assert!(before.value("petrel_store_file_bytes") > before.value("petrel_store_bytes"));
    assert_eq!(before.value("petrel_store_unreadable_rows"), 0.0);
    assert_eq!(before.value("petrel_log_lines_lost_total"), 0.0);

    // Several blocks may arrive at once at first; the emitted head is counted.
    let next = before.value("petrel_head_number") as u64 + 2;
    node.until("the head after the next", |event| event["event"] == "head" && event["number"].as_u64() >= Some(next));
    let after = scrape(&node);
    let moved = [
        "op_node_default_p2p_gossip_events_total{type=\"DELIVER_MESSAGE\"}",
        "op_node_default_p2p_bandwidth_bytes_total{direction=\"in\"}",
        "op_node_default_refs_number{layer=\"l2\",type=\"l2_unsafe\"}",
        "op_node_default_refs_number{layer=\"l2\",type=\"received_payload\"}",
        "op_node_default_unsafe_payloads_total",
        "petrel_blocks_total{via=\"gossip\"}",
        "petrel_block_delay_seconds_count",
        "petrel_verdicts_total{fault=\"none\"}",
        "petrel_transport_bytes_total{direction=\"in\",transport=\"tcp\"}",
        "petrel_protocol_bytes_total{direction=\"in\",protocol=\"meshsub\"}",
        "petrel_head_number",
    ];
    for name in moved {
        assert!(after.value(name) > before.value(name), "{name}: {} then {}", before.value(name), after.value(name));
    }
    assert!(after.value("petrel_head_number") >= next as f64);
    assert!(after.value("petrel_transport_bytes_total{direction=\"out\",transport=\"tcp\"}") > 0.0);
    // Most bytes on the wire are blocks.
    let wire = after.value("petrel_transport_bytes_total{direction=\"in\",transport=\"tcp\"}");
    let protocol =
        |name: &str| after.value(&format!("petrel_protocol_bytes_total{{direction=\"in\",protocol=\"{name}\"}}"));
    assert!(protocol("meshsub") > wire / 2.0 && protocol("identify") > 0.0 && protocol("ping") > 0.0, "{}", after.text);
    let names = ["meshsub", "payload_by_number", "identify", "ping", "autonat", "other"];
    assert!(names.iter().map(|name| protocol(name)).sum::<f64>() < wire, "{}", after.text);
    // No other path is served there, and a second scrape counts nothing twice.
    assert!(get(port(&node), "/").0.starts_with("HTTP/1.1 404"));
    assert_eq!(scrape(&node).value("op_node_default_p2p_dials{allow=\"true\"}"), 1.0);
    let scores = with_scores(&mut node);
    scores.is("histogram", &["op_node_default_peer_scores"]);
    assert!(scores.value("op_node_default_peer_scores_count{type=\"total\"}") >= 1.0);
}

/// A scrape after the scores were sampled, which is every fifteen seconds.
fn with_scores(node: &mut Process) -> Scrape {
    for _ in 0..90 {
        block(node, None);
        let scrape = scrape(node);
        if scrape.values.contains_key("op_node_default_peer_scores_count{type=\"total\"}") {
            return scrape;
        }
    }
    panic!("the scores are not sampled");
}

#[test]
fn requests_are_counted_on_both_sides() {
    let sequencer = Sequencer::started();
    let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut server = start(&arguments(&sequencer, near.path(), &sequencer.address), &METRICS);
    let address = server.address(false);
    let words = arguments(&sequencer, far.path(), &address);
    let mut client = start(&words, &METRICS);
    let (number, _) = block(&mut client, None);
    client.event("stored");
    client.end("TERM");
    block(&mut server, Some(number + 4));
    let mut client = start(&words, &METRICS);
    client.until("a gap's end", |event| event["event"] == "gap" && event["state"] == "closed");
    let (requested, served) = (scrape(&client), scrape(&server));
    for (scrape, role) in [(&requested, "client"), (&served, "server")] {
        let labels = format!("{{p2p_method=\"payload_by_number\",p2p_role=\"{role}\",result_code=\"0\"}}");
        assert!(scrape.value(&format!("op_node_default_p2p_req_total{labels}")) >= 1.0);
        assert!(scrape.value(&format!("op_node_default_p2p_req_duration_seconds_count{labels}")) >= 1.0);
        scrape.is("counter", &["op_node_default_p2p_req_total"]);
        scrape.is("histogram", &["op_node_default_p2p_req_duration_seconds"]);
        assert!(scrape.value(&format!("op_node_default_p2p_payload_by_number{{p2p_role=\"{role}\"}}")) > 0.0);
    }
    assert!(requested.value("petrel_blocks_total{via=\"sync\"}") >= 1.0);
    assert!(served.value("petrel_blocks_served_total") >= 1.0);
    assert_eq!(requested.value("petrel_gaps_total{state=\"closed\"}"), 1.0);
}

/// An outdated configuration without Denim: the chain is followed, and its real interval is measured.
#[test]
fn a_chain_faster_than_its_configuration_is_followed_and_measured() {
    let sequencer = Sequencer::denim();
    let folder = tempfile::tempdir().unwrap();
    let words = arguments(&sequencer, folder.path(), &sequencer.address);
    let file = folder.path().join("rollup.json");
    let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    json.as_object_mut().unwrap().retain(|key, _| key != "base" && key != "petrel");
    assert_eq!(json["block_time"], 1);
    std::fs::write(&file, json.to_string()).unwrap();
    let mut node = start(&words, &METRICS);
    let mismatch = node.event("schedule_mismatch");
    assert_eq!(mismatch["fork"], "denim", "{mismatch}");
    assert!(mismatch["remedy"].as_str().unwrap().contains("rollup.json"), "{mismatch}");
    node.until_stderr("a block contradicts the configured schedule");
    // The interval is known after this many blocks.
    let first = block(&mut node, None).0;
    block(&mut node, Some(first + 20));
    let scrape = scrape(&node);
    assert_eq!(scrape.value("petrel_schedule_mismatch{fork=\"denim\"}"), 1.0);
    assert_eq!(scrape.value("petrel_block_interval_seconds"), 0.2);
    scrape.is("gauge", &["petrel_schedule_mismatch", "petrel_block_interval_seconds", "petrel_sequencer_skew"]);
    scrape.is("counter", &["petrel_reorgs_total"]);
    scrape.is("histogram", &["petrel_reorg_depth"]);
    // A delay is measured from the block's own time: the header's timestamp is up to 800 ms before it.
    let count = scrape.value("petrel_block_delay_seconds_count") as usize;
    let gossiped = |event: &&serde_json::Value| event["event"] == "block" && event["via"] == "gossip";
    while node.passed().iter().filter(gossiped).count() < count {
        block(&mut node, None);
    }
    let delays = node.passed().iter().filter(gossiped).take(count).map(|event| event["delay_ms"].as_i64().unwrap());
    let (delays, sum) = (delays.sum::<i64>() as f64 / 1e3, scrape.value("petrel_block_delay_seconds_sum"));
    assert!((delays - sum).abs() < 1e-6, "{delays} and {sum}");
    let own = |event: &serde_json::Value| event["timestamp_ms"].as_u64().unwrap() % 1000;
    assert!(node.passed().iter().filter(gossiped).any(|event| own(event) == 600), "{:?}", node.passed());
}

#[test]
fn a_used_metrics_port_is_reported() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let flag = format!("--metrics.port={}", taken.local_addr().unwrap().port());
    let mut node = start(&arguments(&sequencer, folder.path(), &sequencer.address), &["--metrics.enabled", &flag]);
    assert_eq!(node.wait().code(), Some(2));
    node.until_stderr("give another --metrics.addr or --metrics.port");
}

/// Prometheus' own checks. They report some of op-node's names, and must report none of ours.
#[test]
#[ignore = "needs promtool: cargo xtask test promtool"]
fn promtool_reports_none_of_our_metrics() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let mut node = start(&arguments(&sequencer, folder.path(), &sequencer.address), &METRICS);
    let text = with_scores(&mut node).text;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    // 3: the text is valid, and there are warnings.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{said}");
    let ours: Vec<&str> = said.lines().filter(|line| !line.starts_with("op_node_default_")).collect();
    assert!(ours.is_empty(), "{said}");
    println!("promtool on op-node's names:\n{said}");
}
