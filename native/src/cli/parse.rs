//! Parses values of the command line: durations in Go's syntax, sizes, ports, rates. Errors say what was expected.

use std::time::Duration;

use petrel_core::config::Rate;

/// The elements of a list: several flags, or one with comma-separated elements. Blanks around an element are removed, and empty
/// elements are skipped, as op-node does: `a,` is `a`.
pub fn list<T: AsRef<str>>(given: &[T]) -> impl Iterator<Item = &str> {
    given.iter().flat_map(|text| elements(text.as_ref()))
}

/// The elements of a list with a default, which is used if all elements are empty.
pub fn list_or<'a, T: AsRef<str>>(given: &'a [T], default: &'a str) -> Vec<&'a str> {
    let found: Vec<&str> = list(given).collect();
    if found.is_empty() { elements(default).collect() } else { found }
}

fn elements(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|element| !element.is_empty())
}

/// Go's duration syntax: `60s`, `1m30s`, `1500ms`, `1h`, or `0`. Not negative, at most some centuries.
///
/// # Errors
/// Anything else, with what was expected.
pub fn duration(text: &str) -> Result<Duration, String> {
    let invalid = || format!("{text:?} is no duration: expected for example 60s, 1m30s or 1500ms");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|char: char| !char.is_ascii_digit() && char != '.').ok_or_else(invalid)?;
        let (number, tail) = rest.split_at(digits);
        let unit_len = tail.find(|char: char| char.is_ascii_digit() || char == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_len);
        let seconds = number.parse::<f64>().map_err(|_| invalid())? * unit_seconds(unit).ok_or_else(invalid)?;
        let part = Duration::try_from_secs_f64(seconds).map_err(|_| invalid())?;
        total = total.checked_add(part).ok_or_else(invalid)?;
        rest = tail;
    }
    if text.is_empty() { Err(invalid()) } else { Ok(total) }
}

fn unit_seconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "h" => 3600.0,
        "m" => 60.0,
        "s" => 1.0,
        "ms" => 1e-3,
        "us" | "µs" => 1e-6,
        "ns" => 1e-9,
        _ => return None,
    })
}

/// A size in bytes: a whole number, with kB, MB, GB (thousands) or kiB, MiB, GiB (1024s).
///
/// # Errors
/// Anything else, with what was expected.
pub fn size(text: &str) -> Result<usize, String> {
    let invalid = || format!("{text:?} is no size: expected for example 4096, 100kB, 10MiB or 8GiB");
    let digits = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gb" => 1_000_000_000,
        "gib" => 1 << 30,
        _ => return Err(invalid()),
    };
    number.parse::<usize>().ok().and_then(|number| number.checked_mul(factor)).ok_or_else(invalid)
}

/// A token bucket, `RATE/BURST`: the rate per second, and the burst; `0` is no limit.
///
/// # Errors
/// Anything else, with what was expected.
pub fn rate(text: &str) -> Result<Option<Rate>, String> {
    if text == "0" {
        return Ok(None);
    }
    let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number > 0);
    let found = text.split_once('/').and_then(|(rate, burst)| Some(Rate::new(number(rate)?, number(burst)?)));
    found.map(Some).ok_or_else(|| format!("{text:?} is no limit: expected RATE/BURST, for example 20/40, or 0"))
}

/// A share, 0 to 0.9, as a percentage.
///
/// # Errors
/// Anything else, with what was expected.
pub fn share(text: &str) -> Result<u8, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=0.9).contains(&share) => Ok((share * 100.0).round() as u8),
        _ => Err(format!("{text:?} is no share: expected 0 to 0.9, for example 0.3")),
    }
}

/// A port that op-node does not restrict: 0 (any free port) to 65535. The system decides whether the process may use one below 1024.
///
/// # Errors
/// Anything else, with what was expected.
pub fn any_port(text: &str) -> Result<u16, String> {
    text.trim().parse().map_err(|_| format!("{text:?} is no port: expected 0 (any free port) to 65535"))
}

/// A port of TCP or discovery: 0 (any free port), or 1024 to 65535 as in op-node.
///
/// # Errors
/// Anything else, with what was expected.
pub fn port(text: &str) -> Result<u16, String> {
    match text.parse::<u16>() {
        Ok(port) if port == 0 || port >= 1024 => Ok(port),
        _ => Err(format!("{text:?} is no usable port: expected 0 (any free port) or 1024 to 65535")),
    }
}
