//! L1 through the proxy that the environment's variables name. L1's own host is one that does not exist: only a proxy, here
//! on loopback, can reach it.

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

/// A reading of this URL with these variables.
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

/// Where the fake L1 answers as a proxy: it takes requests for any host.
fn host(l1: &FakeL1) -> String {
    l1.url.strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned()
}

/// A proxy that answers every request with this, and tells what it was asked by `asked` (its first bytes).
fn proxy(answer: &'static [u8], asked: impl Fn(String) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let mut request = [0; 4096];
            let len = stream.read(&mut request).unwrap();
            asked(String::from_utf8_lossy(&request[..len]).into_owned());
            // Whoever does not like the answer may have gone. What is still under way is read, so that nothing is reset.
            let _gone = stream.write_all(answer).and_then(|()| stream.shutdown(Shutdown::Write));
            let _gone = io::copy(&mut stream, &mut io::sink());
        }
    });
    at
}

const HTTP: &str = "http://l1.invalid/a-secret";
const HTTPS: &str = "https://l1.invalid/a-secret";

/// What is said of a proxy's fault: it names the proxy and its variable, and nothing that is secret.
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
fn a_loopback_l1_is_never_asked_through_a_proxy() {
    let l1 = FakeL1::start(SIGNER);
    let nobody = [("HTTP_PROXY", "http://127.0.0.1:1"), ("ALL_PROXY", "http://127.0.0.1:1")];
    for url in
        [l1.url.clone(), l1.url.replace("127.0.0.1", "localhost"), l1.url.replace("127.0.0.1", "[::ffff:127.0.0.1]")]
    {
        assert_eq!(read(&url, &nobody).unwrap().signer, Some(SIGNER), "{url}");
    }
}

#[test]
fn a_proxy_that_is_not_there_is_at_fault_and_not_l1() {
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
fn a_proxy_that_refuses_is_at_fault_and_gets_its_credentials() {
    let (tell, told) = std::sync::mpsc::channel();
    let tell_asked = move |asked| tell.send(asked).unwrap();
    let at = proxy(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n", tell_asked);
    for (url, variable) in [(HTTPS, "HTTPS_PROXY"), (HTTP, "HTTP_PROXY")] {
        let said = fault(url, variable, &at);
        assert!(said.contains("it asks for a user and a password"), "{said}");
        let asked = told.recv().unwrap().to_lowercase();
        // "me:a-secret" in base64.
        assert!(asked.contains("proxy-authorization: basic bwu6ys1zzwnyzxq="), "{asked}");
    }
    let at = proxy(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", drop);
    assert!(fault(HTTPS, "HTTPS_PROXY", &at).contains("it refuses to connect to L1"));
    assert!(fault(HTTP, "HTTP_PROXY", &at).contains("HTTP status 403"));
    let at = proxy(b"", drop);
    fault(HTTPS, "HTTPS_PROXY", &at);
}

#[test]
fn what_is_wrong_behind_the_proxy_is_not_its_fault() {
    // The tunnel is made, and there is no TLS at its end.
    let at = proxy(b"HTTP/1.1 200 OK\r\n\r\n", drop);
    let error = read(HTTPS, &[("HTTPS_PROXY", &at)]).unwrap_err();
    assert!(matches!(error, L1Error::Unreachable(_)), "{error}");
}

#[test]
fn the_programs_own_environment_counts() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let l1 = FakeL1::start(SIGNER);
    l1.change(|world| world.chain = 1);
    let words = node(&sequencer, folder.path(), HTTP);
    let mut command = petrel::command(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let output = command.env("HTTP_PROXY", host(&l1)).env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("this L1 is chain 1, expected 900"), "{said}");
}
