//! Every variant of [`Event`] has a sample for the npm package.

use super::Event;

/// `tests/core/samples.rs` cannot detect that a variant is missing, because the enum is open to other crates.
macro_rules! every {
    ($($variant:ident)*) => {
        const VARIANTS: &[&str] = &[$(stringify!($variant)),*];
        /// Does not compile when a variant is missing below.
        const fn _is_listed(event: &Event) {
            match event { $(Event::$variant(_) => {})* }
        }
    };
}
every! {
    Block Head Gap Synced FetchFailed Stored Store Conflict Reorg Fork ScheduleMismatch Connected Disconnected DialFailed
    Discovered TopicJoined TopicLeft Rejected Ignored SignerMismatch ClockSkew SequencerSkew SignerChanged SignerRetired
    SignerUnread Listening ListenEnded Observed Reachable SharedKey Identified PublishFailed Graylisted Banned Unbanned Pruned
    Stalled CheckPanicked
}

#[test]
fn each_variant_has_a_sample_for_the_npm_package() {
    let samples = include_str!("../../../www/package/test/samples/events.json");
    let samples: Vec<serde_json::Value> = serde_json::from_str(samples).unwrap();
    let mut names: Vec<&str> = samples.iter().filter_map(|sample| sample.get("event")?.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let mut expected: Vec<String> = VARIANTS.iter().map(|variant| snake_case(variant)).collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
}

fn snake_case(name: &str) -> String {
    let words = name.char_indices().flat_map(|(at, letter)| {
        let underscore = (at > 0 && letter.is_ascii_uppercase()).then_some('_');
        underscore.into_iter().chain([letter.to_ascii_lowercase()])
    });
    words.collect()
}
