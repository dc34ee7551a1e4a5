//! Peers do not choose how much is written to the log.

use std::time::{Duration, Instant};

use petrel_core::{
    Event,
    event::{Disconnected, Listening},
    peer::PeerId,
};
use petrel_node::serve::peer_log::PeerLog;

fn disconnected() -> Event {
    Event::Disconnected(Disconnected { peer: PeerId::from_bytes(&[7]).unwrap(), reason: "any".to_owned() })
}

#[test]
fn a_thousand_disconnections_in_a_minute_are_sixty_lines_and_a_count() {
    let (mut log, start) = (PeerLog::default(), Instant::now());
    let written =
        (0..1000_u32).filter(|turn| log.admits(&disconnected(), start + Duration::from_millis(50) * *turn)).count();
    assert_eq!(written, PeerLog::LINES);
    assert_eq!(log.omitted(start + PeerLog::PERIOD / 2), [], "the minute is not over");
    let listening = Event::Listening(Listening { address: "here".to_owned() });
    assert!(log.admits(&listening, start), "what peers do not cause is always written");

    let later = start + PeerLog::PERIOD;
    assert_eq!(log.omitted(later), [("disconnected", 1000 - PeerLog::LINES as u64)]);
    assert_eq!(log.omitted(later), [], "it is told once");
    assert!(log.admits(&disconnected(), later), "in the next minute there is room again");
}
