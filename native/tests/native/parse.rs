//! Parsing of values on the command line.

use std::time::Duration;

use petrel_core::config::Rate;
use petrel_node::cli::parse::{self, any_port, duration, port, size};

#[test]
fn durations_have_gos_format() {
    let cases = [
        ("0", Duration::ZERO),
        ("60s", Duration::from_secs(60)),
        ("1m30s", Duration::from_secs(90)),
        ("1h0m0s", Duration::from_secs(3600)),
        ("1500ms", Duration::from_millis(1500)),
        ("1.5s", Duration::from_millis(1500)),
        ("10us", Duration::from_micros(10)),
        ("10µs", Duration::from_micros(10)),
    ];
    for (text, expected) in cases {
        assert_eq!(duration(text), Ok(expected), "{text}");
    }
}

#[test]
fn an_invalid_duration_is_refused_with_an_example() {
    for text in ["", "60", "-1s", "s", "1d", "1s ", "1 s", "1e3s", "..s", "inf", "99999999999999999999999999h", "∞s"]
    {
        let error = duration(text).unwrap_err();
        assert!(error.contains("60s, 1m30s or 1500ms"), "{text}: {error}");
    }
}

#[test]
fn sizes_are_decimal_or_binary() {
    let cases =
        [("4096", 4096), ("1b", 1), ("100kB", 100_000), ("100KB", 100_000), ("1MB", 1_000_000), ("10MiB", 10 << 20)];
    for (text, expected) in cases {
        assert_eq!(size(text), Ok(expected), "{text}");
    }
    for text in ["", "kB", "-1", "1.5MB", "1TB", "1 kB", "99999999999999999999", "18446744073709551615kB"] {
        assert!(size(text).unwrap_err().contains("100kB"), "{text}");
    }
}

#[test]
fn ports_that_need_privileges_are_refused() {
    assert_eq!(port("0"), Ok(0));
    assert_eq!(port("1024"), Ok(1024));
    assert_eq!(port("65535"), Ok(65535));
    for text in ["", "-1", "80", "1023", "65536", "http", "9222 "] {
        assert!(port(text).unwrap_err().contains("1024 to 65535"), "{text}");
    }
}

#[test]
fn ports_that_op_node_does_not_restrict_are_any() {
    assert_eq!(["0", "1", "443", "65535"].map(any_port), [Ok(0), Ok(1), Ok(443), Ok(65535)]);
    for text in ["", "-1", "65536", "http"] {
        assert!(any_port(text).unwrap_err().contains("0 (any free port) to 65535"), "{text}");
    }
}

#[test]
fn limits_are_a_rate_and_a_burst() {
    assert_eq!(parse::rate("20/40"), Ok(Some(Rate::new(20, 40))));
    assert_eq!(parse::rate("0"), Ok(None));
    for wrong in ["", "20", "0/1", "1/0", "-1/2", "a/b", "20/40/60"] {
        assert!(parse::rate(wrong).unwrap_err().contains("expected RATE/BURST"), "{wrong}");
    }
}

#[test]
fn fractions_are_below_one() {
    assert_eq!((parse::share("0"), parse::share("0.3"), parse::share("0.9")), (Ok(0), Ok(30), Ok(90)));
    for wrong in ["", "1", "-0.1", "30%", "NaN"] {
        assert!(parse::share(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_empty_element_of_a_list_is_skipped() {
    let list = |given: &[&str]| parse::list(given).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(list(&["a,", ",b", " ", "c, ,d"]), ["a", "b", "c", "d"]);
    assert!(list(&["", ",", " , "]).is_empty());
    assert_eq!(parse::list_or(&["", " ,"], "x,y"), ["x", "y"]);
    assert_eq!(parse::list_or(&["z,"], "x,y"), ["z"]);
    assert_eq!(parse::list_or::<&str>(&[], "x"), ["x"]);
}
