//! L1 through the proxy of the environment variables. The host of L1 does not exist: only the proxy, which is on loopback here, can
//! reach it.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener},
    thread,
    time::Duration,
};

use alloy_primitives::{Address, address};
use petrel_node::signer::{L1Client, L1Error, SignerReading, SignerSource};
use petrel_tests::{petrel, sequencer::Sequencer};

use crate::{
    fake_l1::{FakeL1, SYSTEM_CONFIG},
    signer::node,
};

const SIGNER: Address = address!("00000000000000000000000000000000000000a1");

/// Reads the signer from this URL with these variables.
fn read(url: &str, variables: &[(&str, &str)]) -> Result<SignerReading, L1Error> {
    let source = SignerSource {
        urls: vec![url.parse().unwrap()],
        system_config: SYSTEM_CONFIG,
        chain: Some(900),
        confs: 0,
        trust: false,
        reload: None,
    };
    let value = |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(L1Client::with_variables(source, &value).read(0))
}

/// The address at which the fake L1 works as a proxy: it accepts requests for any host.
fn host(l1: &FakeL1) -> String {
    l1.url.strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned()
}

/// A proxy that answers every request with `answer`, and gives the first bytes of the request to `on_request`.
fn proxy(answer: &'static [u8], on_request: impl Fn(String) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let mut request = [0; 4096];
            let len = stream.read(&mut request).unwrap();
            on_request(String::from_utf8_lossy(&request[..len]).into_owned());
            // The client may have disconnected. The rest of the request is read, so that the connection is not reset.
            let _gone = stream.write_all(answer).and_then(|()| stream.shutdown(Shutdown::Write));
            let _gone = io::copy(&mut stream, &mut io::sink());
        }
    });
    at
}

const HTTP: &str = "http://l1.invalid/a-secret";
const HTTPS: &str = "https://l1.invalid/a-secret";

/// The error for a faulty proxy. It names the proxy and its variable, and no secrets.
fn fault(url: &str, variable: &str, at: &str) -> String {
    let error = read(url, &[(variable, &format!("http://me:a-secret@{at}"))]).unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, L1Error::Proxy { .. }), "{said}");
    assert!(said.contains(at) && said.contains(variable) && said.contains("NO_PROXY"), "{said}");
    assert!(!said.contains("secret"), "{said}");
    said
}

#[test]
fn l1_is_read_through_the_proxy_of_each_variable() {
    let l1 = FakeL1::start(SIGNER);
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        for at in [host(&l1), format!("http://{}", host(&l1))] {
            assert_eq!(read(HTTP, &[(variable, &at)]).unwrap().signer, Some(SIGNER), "{variable}");
        }
    }
}

#[test]
fn a_loopback_l1_is_never_requested_through_a_proxy() {
    let l1 = FakeL1::start(SIGNER);
    let nobody = [("HTTP_PROXY", "http://127.0.0.1:1"), ("ALL_PROXY", "http://127.0.0.1:1")];
    for url in
        [l1.url.clone(), l1.url.replace("127.0.0.1", "localhost"), l1.url.replace("127.0.0.1", "[::ffff:127.0.0.1]")]
    {
        assert_eq!(read(&url, &nobody).unwrap().signer, Some(SIGNER), "{url}");
    }
}

#[test]
fn an_unreachable_proxy_is_reported_as_the_fault_of_the_proxy() {
    for (url, variable) in [(HTTP, "http_proxy"), (HTTPS, "HTTPS_PROXY"), (HTTPS, "ALL_PROXY")] {
        let said = fault(url, variable, "127.0.0.1:1");
        assert!(said.contains("refused"), "{said}");
    }
    for url in [HTTP, HTTPS] {
        let error = read(url, &[("all_proxy", "socks5h://me:a-secret@127.0.0.1:1")]).unwrap_err();
        assert!(matches!(error, L1Error::Proxy { .. }) && !error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn a_proxy_gets_its_credentials_and_its_refusal_is_reported() {
    let (sender, requests) = std::sync::mpsc::channel();
    let forward = move |request| sender.send(request).unwrap();
    let at = proxy(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n", forward);
    for (url, variable) in [(HTTPS, "HTTPS_PROXY"), (HTTP, "HTTP_PROXY")] {
        let said = fault(url, variable, &at);
        assert!(said.contains("it asks for a user and a password"), "{said}");
        let request = requests.recv().unwrap().to_lowercase();
        // "me:a-secret" in base64.
        assert!(request.contains("proxy-authorization: basic bwu6ys1zzwnyzxq="), "{request}");
    }
    let at = proxy(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", drop);
    assert!(fault(HTTPS, "HTTPS_PROXY", &at).contains("it refuses to connect to L1"));
    assert!(fault(HTTP, "HTTP_PROXY", &at).contains("HTTP status 403"));
    let at = proxy(b"", drop);
    fault(HTTPS, "HTTPS_PROXY", &at);
}

#[test]
fn a_fault_behind_the_proxy_is_not_reported_as_the_proxys() {
    // The tunnel is established, but there is no TLS at its end.
    let at = proxy(b"HTTP/1.1 200 OK\r\n\r\n", drop);
    let error = read(HTTPS, &[("HTTPS_PROXY", &at)]).unwrap_err();
    assert!(matches!(error, L1Error::Unreachable(_)), "{error}");
}

#[test]
fn the_proxy_of_the_programs_environment_is_used() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let l1 = FakeL1::start(SIGNER);
    l1.change(|state| state.chain = 1);
    let words = node(&sequencer, folder.path(), HTTP);
    let mut command = petrel::command(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let output = command.env("HTTP_PROXY", host(&l1)).env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("this L1 is chain 1, expected 900"), "{said}");
}
