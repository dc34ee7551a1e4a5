//! A real Prometheus on loopback that scrapes a daemon, with the queries of op-node's dashboards.

use std::{
    fs,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use petrel_tests::{ports, sequencer::Sequencer};

use crate::{
    metrics::{METRICS, get, port},
    node::{arguments, block, start},
};

/// Queries of op-node's dashboard, and one of ours; each must return data.
const QUERIES: [&str; 11] = [
    "up{job=\"petrel\"} == 1",
    "op_node_default_up",
    "op_node_default_p2p_peer_count > 0",
    "sum by (type) (rate(op_node_default_p2p_gossip_events_total[30s])) > 0",
    "rate(op_node_default_p2p_bandwidth_bytes_total{direction=\"in\"}[30s]) > 0",
    "sum by (allow) (op_node_default_p2p_dials)",
    "op_node_default_refs_number{layer=\"l2\",type=\"l2_unsafe\"} > 0",
    "op_node_default_refs_latency{layer=\"l2\",type=\"l2_unsafe\"}",
    "rate(op_node_default_unsafe_payloads_total[30s]) > 0",
    "histogram_quantile(0.95, sum by (le) (rate(petrel_block_delay_seconds_bucket[30s])))",
    "rate(petrel_blocks_total{via=\"gossip\"}[30s]) > 0",
];
/// Blocks arrive every two seconds and Prometheus scrapes every second: enough for many of both.
const LONGEST: Duration = Duration::from_secs(90);

/// A Prometheus process that is killed when it is dropped.
struct Prometheus(Child);

impl Drop for Prometheus {
    fn drop(&mut self) {
        // An error means that it has ended.
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}

#[test]
#[ignore = "needs prometheus: cargo xtask test promtool"]
fn prometheus_scrapes_a_daemon_and_the_queries_of_dashboards_return_data() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut node = start(&arguments(&sequencer, folder.path(), &sequencer.address), &METRICS);
    let (first, _) = block(&mut node, None);

    let own = ports::tcp();
    let config = folder.path().join("prometheus.yml");
    let text = format!(
        "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\nscrape_configs:\n- job_name: petrel\n  static_configs:\n  \
         - targets: [\"127.0.0.1:{}\"]\n",
        port(&node)
    );
    fs::write(&config, text).unwrap();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", folder.path().join("tsdb").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{own}"))
        .stdout(Stdio::null())
        .stderr(fs::File::create(folder.path().join("prometheus.log")).unwrap())
        .spawn()
        .unwrap();
    let mut prometheus = Prometheus(child);
    let begin = Instant::now();
    let log = || fs::read_to_string(folder.path().join("prometheus.log")).unwrap();
    while std::net::TcpStream::connect(("127.0.0.1", own)).is_err() {
        assert!(prometheus.0.try_wait().unwrap().is_none() && begin.elapsed() < LONGEST, "{}", log());
        sleep(Duration::from_millis(100));
    }
    // Several blocks, so that rates can be computed.
    block(&mut node, Some(first + 5));

    for query in QUERIES {
        let mut answer = ask(own, query);
        while !has_data(&answer) {
            assert!(begin.elapsed() < LONGEST, "{query} has no data: {answer}\n{}", log());
            sleep(Duration::from_millis(500));
            answer = ask(own, query);
        }
        println!("{query}: {}", answer["data"]["result"]);
    }
}

/// An instant query, through the HTTP API.
fn ask(port: u16, query: &str) -> serde_json::Value {
    let escaped: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let (head, body) = get(port, &format!("/api/v1/query?query={escaped}"));
    // Until it is ready its response is not JSON.
    if head.starts_with("HTTP/1.1 503") { serde_json::Value::Null } else { json(&body) }
}

/// The JSON object in the body, which may be chunked.
fn json(body: &str) -> serde_json::Value {
    let (from, to) = (body.find('{').unwrap(), body.rfind('}').unwrap());
    serde_json::from_str(&body[from..=to]).unwrap_or_else(|error| panic!("{error} in {body}"))
}

/// Whether a response has a value that is a number.
fn has_data(answer: &serde_json::Value) -> bool {
    let series = answer["data"]["result"].as_array();
    series.is_some_and(|series| series.iter().any(|one| one["value"][1].as_str().is_some_and(|value| value != "NaN")))
}
