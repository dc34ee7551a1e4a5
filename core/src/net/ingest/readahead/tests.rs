use core::{
    pin::pin,
    sync::atomic::AtomicUsize,
    task::{Context, Poll},
};
use std::task::Wake;

use futures::{AsyncReadExt, FutureExt, channel::oneshot, executor::block_on, io::Cursor};
use libp2p::gossipsub::{self, DataTransform, RawMessage};

use super::{frames::Frames, *};
use crate::message::{Form, Message};
use crate::{
    chain::Chain,
    event::Direction,
    net::{
        ingest::transform::Transform,
        metering::wrapper::{Tap, Tapped},
        params::MAX_TRANSMIT,
    },
};

fn ahead() -> ReadAhead {
    ReadAhead::new(Topics::new(&Chain::preset("op-mainnet").expect("a preset")), Arc::default())
}

/// Whose streams they are.
fn peer() -> PeerId {
    PeerId::from_bytes(&[0, 1, 1]).expect("an identity multihash")
}

/// Does every job at once.
fn at_once() -> Aside {
    Arc::new(|job: Job| {
        job();
        Box::pin(core::future::ready(()))
    })
}

/// The stream that a peer gossips on, after its negotiation, with these bytes to come.
fn stream(ahead: &ReadAhead, aside: Aside, bytes: Vec<u8>) -> Tapped<Cursor<Vec<u8>>, Frames> {
    let frames = spoken(ahead, aside, &[b"\x13/multistream/1.0.0\n\x0f/meshsub/1.2.0\n"]);
    Tapped::new(Cursor::new(bytes), frames)
}

/// Of a stream that a peer opened, after we have said this; of each write one try failed.
fn spoken(ahead: &ReadAhead, aside: Aside, says: &[&[u8]]) -> Frames {
    let mut frames = Frames::new(ahead.clone(), aside, peer(), Direction::Inbound);
    for part in says {
        frames.tried(part, &Poll::Pending);
        frames.tried(part, &Poll::Ready(Ok(part.len())));
    }
    frames
}

fn transform() -> Transform {
    Transform::new(&Chain::preset("op-mainnet").expect("a preset"))
}

/// What gossipsub is given for this message.
fn given(transform: &Transform, wire: &[u8]) -> gossipsub::Message {
    let (data, topic) = (wire.to_vec(), transform.topic(Version::V4).clone());
    let raw =
        RawMessage { source: None, data, sequence_number: None, topic, signature: None, key: None, validated: false };
    transform.inbound_transform(raw).expect("a topic of ours")
}

/// As what it is delivered.
fn form(transform: &Transform, wire: &[u8]) -> Form {
    transform.message(&given(transform, wire)).form
}

fn varint(value: usize) -> Vec<u8> {
    let mut digits = Vec::new();
    prost::encoding::encode_varint(value as u64, &mut digits);
    digits
}

fn field(number: u8, value: &[u8]) -> Vec<u8> {
    [vec![number << 3 | 2], varint(value.len()), value.to_vec()].concat()
}

/// An RPC with these messages on V4's topic, with its length before it.
fn rpc(ahead: &ReadAhead, messages: &[&[u8]]) -> Vec<u8> {
    let topic = ahead.topics.topic(Version::V4).as_str().as_bytes();
    let message = |data: &&[u8]| field(2, &[field(2, data), field(4, topic)].concat());
    let body: Vec<u8> = messages.iter().flat_map(message).collect();
    [varint(body.len()), body].concat()
}

/// A message whose bytes do not compress.
fn wire(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let noise = (0..length).map(|_| {
        // Xorshift (Marsaglia 2003).
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    });
    snap::raw::Encoder::new().compress_vec(&noise.collect::<Vec<_>>()).expect("it fits")
}

/// One that inflates to all that is allowed.
fn bomb(fill: u8) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(&vec![fill; MAX_MESSAGE]).expect("it fits")
}

fn read_all(stream: &mut Tapped<Cursor<Vec<u8>>, Frames>, piece: usize) -> Vec<u8> {
    let (mut all, mut buffer) = (Vec::new(), vec![0; piece]);
    loop {
        let length = block_on(stream.read(&mut buffer)).expect("a cursor");
        if length == 0 {
            return all;
        }
        all.extend_from_slice(&buffer[..length]);
    }
}

#[test]
fn big_messages_are_read_once_and_passed_on_unchanged_however_they_are_cut() {
    let ahead = ahead();
    let (small, one, other) = (wire(2, 100), wire(2, 1_500_000), wire(3, 900_000));
    let said = [rpc(&ahead, &[&small]), rpc(&ahead, &[&one, &small, &other]), vec![0], rpc(&ahead, &[&small])].concat();
    for piece in [97, 4096, 1 << 23] {
        let mut stream = stream(&ahead, at_once(), said.clone());
        assert_eq!(read_all(&mut stream, piece), said);
        let topic = ahead.topics.topic(Version::V4).as_str();
        for wire in [&one, &other] {
            let found = ahead.take(Version::V4, false, wire, true).expect("it was read");
            let expected = Message::decompress(wire);
            assert_eq!((found.form, found.id), (Form::Snappy, expected.id(topic)));
            assert_eq!(found.data, Some(expected.data));
            assert!(ahead.take(Version::V4, false, wire, true).is_none(), "once");
        }
        assert!(ahead.take(Version::V4, false, &small, true).is_none(), "small ones are not worth it");
    }
    assert_eq!(ahead.pool.bytes(), 0);
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn the_end_of_a_big_rpc_waits_for_its_messages_and_nothing_comes_after_it() {
    let ahead = ahead();
    let big = rpc(&ahead, &[&wire(1, ReadAhead::WORTH)]);
    let said = [big.clone(), rpc(&ahead, &[&wire(2, 100)])].concat();
    let (done, told) = oneshot::channel::<()>();
    let told = Mutex::new(Some(told));
    let aside: Aside = Arc::new(move |_| {
        let told = told.lock().unwrap_or_else(PoisonError::into_inner).take();
        Box::pin(told.expect("one job").map(|told| told.expect("it is told")))
    });
    let mut stream = stream(&ahead, aside, said.clone());
    let (mut all, mut buffer) = (Vec::new(), vec![0; 5000]);
    let woken = Arc::new(Woken::default());
    let waker = woken.clone().into();
    let mut context = Context::from_waker(&waker);
    while let Poll::Ready(length) = pin!(stream.read(&mut buffer)).poll_unpin(&mut context) {
        let length = length.expect("a cursor");
        assert_ne!(length, 0, "nothing was held back");
        all.extend_from_slice(&buffer[..length]);
    }
    assert!(all.len() < big.len(), "it was passed on whole");
    assert!(pin!(stream.read(&mut buffer)).poll_unpin(&mut context).is_pending());
    assert_eq!(woken.0.load(Ordering::Relaxed), 0);
    done.send(()).expect("it waits");
    assert_eq!(woken.0.load(Ordering::Relaxed), 1, "who reads is woken");
    all.extend(read_all(&mut stream, 333));
    assert_eq!(all, said);
}

#[test]
fn what_is_passed_over_in_one_rpc_is_so_in_no_other() {
    let transform = transform();
    let ahead = transform.readahead();
    let bombs = [1, 2, 3].map(bomb);
    let [first, second, third] = &bombs;
    let mut stream = stream(ahead, at_once(), rpc(ahead, &[first, second, third]));
    read_all(&mut stream, 4096);
    // Another peer's copy comes first, in a turn of its own.
    transform.begin();
    assert_eq!(form(&transform, second), Form::Snappy);
    transform.begin();
    assert_eq!(form(&transform, first), Form::Snappy);
    assert_eq!([form(&transform, third), form(&transform, third)], [Form::Surplus; 2]);
    // Another one's small message comes in the same turn, which had little to do.
    assert_eq!(form(&transform, &wire(1, 100_000)), Form::Snappy);
}

#[test]
fn what_was_passed_over_for_one_is_read_ahead_for_another() {
    let ahead = ahead();
    let bomb = bomb(7);
    let block = wire(1, 3 << 20);
    let mut hostile = stream(&ahead, at_once(), rpc(&ahead, &[&bomb, &block]));
    read_all(&mut hostile, 1 << 16);
    let mut honest = stream(&ahead, at_once(), rpc(&ahead, &[&block]));
    read_all(&mut honest, 1 << 16);
    let found = ahead.take(Version::V4, false, &block, true).expect("it was read");
    assert_eq!(found.form, Form::Snappy);
}

/// A message that says it inflates to 4 MiB, and does to a byte less. The fills make them differ.
fn corrupt(fill: u8) -> Vec<u8> {
    let length = 4 << 20;
    let whole = snap::raw::Encoder::new().compress_vec(&vec![fill; length - 1]).expect("it fits");
    let (_, body) = whole.split_at(varint(length - 1).len());
    [&varint(length), body].concat()
}

#[test]
fn what_does_not_inflate_takes_its_time_too() {
    let wires = [1, 2, 3, 4].map(corrupt);
    let expected = [Form::Corrupt, Form::Corrupt, Form::Surplus, Form::Surplus];
    let (loops, reads) = (transform(), transform());
    let ahead = reads.readahead();
    let [first, second, third, fourth] = &wires;
    let said = rpc(ahead, &[first, first, second, third, fourth]);
    let mut once = stream(ahead, at_once(), said.clone());
    read_all(&mut once, 4096);
    for (wire, expected) in wires.iter().zip(expected) {
        assert_eq!(ahead.take(Version::V4, false, wire, true).map(|named| named.form), Some(expected));
    }
    let mut again = stream(ahead, at_once(), said);
    read_all(&mut again, 4096);
    for transform in [reads, loops] {
        transform.begin();
        assert_eq!([0, 1, 2, 3].map(|at| form(&transform, &wires[at])), expected);
    }
}

#[test]
fn whatever_lies_here_the_first_message_of_an_rpc_is_delivered_with_its_bytes() {
    let transform = transform();
    let ahead = transform.readahead();
    let (block, bombs) = (wire(1, 3 << 20), [1, 2, 3, 4, 5, 6, 7].map(bomb));
    // Nobody has asked for what these read.
    let read = bombs[..6].iter().chain([&block]).map(|wire| stream(ahead, at_once(), rpc(ahead, &[wire])));
    let mut streams: Vec<_> = read.collect();
    streams.iter_mut().for_each(|stream| drop(read_all(stream, 1 << 16)));
    assert_eq!(ahead.ready().batches(), 7);
    transform.begin();
    let first = given(&transform, &block);
    bombs.iter().for_each(|bomb| drop(given(&transform, bomb)));
    let message = transform.message(&first);
    assert_eq!((message.form, message.data.len()), (Form::Snappy, 3 << 20));
}

#[test]
fn beyond_the_bound_what_was_read_first_is_let_go() {
    let ahead = ahead();
    let bombs = [1, 2, 3, 4, 5, 6, 7].map(|fill| {
        let bomb = bomb(fill);
        let mut stream = stream(&ahead, at_once(), rpc(&ahead, &[&bomb]));
        read_all(&mut stream, 1 << 16);
        bomb
    });
    assert_eq!(ahead.ready().batches(), 6);
    let [first, second, ..] = &bombs;
    assert!(ahead.take(Version::V4, false, first, true).is_none());
    assert!(ahead.take(Version::V4, false, second, true).is_some());
    assert_eq!(ahead.ready().batches(), 6, "what is left of it waits to be tidied");
}

#[test]
fn whom_gossipsub_does_not_hear_and_what_is_not_of_this_chain_is_not_read() {
    let ahead = ahead();
    let big = wire(1, ReadAhead::WORTH);
    let foreign = field(2, &[field(2, &big), field(4, b"/optimism/1/0/blocks")].concat());
    let mut stranger = stream(&ahead, at_once(), [varint(foreign.len()), foreign].concat());
    read_all(&mut stranger, 4096);
    ahead.ignore([peer()].into());
    let mut ignored = stream(&ahead, at_once(), rpc(&ahead, &[&big]));
    read_all(&mut ignored, 4096);
    assert_eq!(ahead.ready().batches(), 0);
    ahead.ignore(HashSet::new());
    let mut heard = stream(&ahead, at_once(), rpc(&ahead, &[&big]));
    read_all(&mut heard, 4096);
    assert_eq!(ahead.ready().batches(), 1);
}

#[test]
fn beyond_the_bound_the_oldest_is_passed_on_unread_and_a_stream_that_ends_gives_back() {
    let ahead = ahead();
    let big = rpc(&ahead, &[&wire(1, 9 << 20)]);
    let half = big.len() / 2;
    let begun = |content: &[u8]| {
        let mut stream = stream(&ahead, at_once(), content.to_vec());
        let mut buffer = vec![0; half];
        block_on(stream.read_exact(&mut buffer)).expect("a cursor");
        assert_eq!(buffer, big[..half]);
        stream
    };
    let mut oldest = begun(&big);
    let others: Vec<_> = (0..14).map(|_| begun(&big[..half])).collect();
    let mut newest = begun(&big);
    let held = ahead.pool.bytes();
    assert!(held > Pool::BYTES - (10 << 20) && held <= Pool::BYTES, "{held}");
    assert_eq!(read_all(&mut oldest, 1 << 16), big[half..]);
    assert_eq!(ahead.ready().batches(), 0, "there was no room for it");
    assert_eq!(read_all(&mut newest, 1 << 16), big[half..]);
    assert_eq!(ahead.ready().batches(), 1);
    drop(others);
    assert_eq!(ahead.pool.bytes(), 0);
}

#[test]
fn what_nobody_asks_for_is_let_go_when_its_stream_has_ended() {
    let ahead = ahead();
    let mut stream = stream(&ahead, at_once(), rpc(&ahead, &[&wire(1, ReadAhead::WORTH)]));
    read_all(&mut stream, 4096);
    let batches = |seconds| {
        ahead.tidy(Duration::from_secs_f32(seconds));
        ahead.ready().batches()
    };
    assert_eq!((batches(0.0), batches(10.0)), (1, 1), "gossipsub may ask yet");
    drop(stream);
    assert_eq!((batches(10.0), batches(10.1)), (1, 1), "it may be on its way still");
    assert_eq!(batches(10.5), 0);
}

#[test]
fn a_job_that_comes_to_nothing_holds_nothing_back() {
    let ahead = ahead();
    let wire = wire(1, ReadAhead::WORTH);
    let said = rpc(&ahead, &[&wire]);
    let dropped: Aside = Arc::new(|job: Job| {
        drop(job);
        Box::pin(core::future::ready(()))
    });
    let mut stream = stream(&ahead, dropped, said.clone());
    assert_eq!(read_all(&mut stream, 4096), said);
    assert!(ahead.take(Version::V4, false, &wire, true).is_none());
    assert_eq!(ahead.pool.bytes(), 0);
}

#[test]
fn for_a_stream_that_ended_while_its_job_waited_nothing_is_read() {
    let ahead = ahead();
    let waiting = Arc::new(Mutex::new(Vec::new()));
    let queue = waiting.clone();
    let aside: Aside = Arc::new(move |job: Job| {
        queue.lock().unwrap_or_else(PoisonError::into_inner).push(job);
        Box::pin(core::future::pending())
    });
    let mut frames = spoken(&ahead, aside, &[b"\x13/multistream/1.0.0\n\x0f/meshsub/1.2.0\n"]);
    frames.came(&rpc(&ahead, &[&wire(1, ReadAhead::WORTH)]));
    assert!(ahead.pool.bytes() > ReadAhead::WORTH);
    drop(frames);
    let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop().expect("one job");
    job();
    assert_eq!((ahead.ready().batches(), ahead.pool.bytes()), (0, 0));
}

#[test]
fn gossip_is_known_by_its_name_however_it_is_said_and_nothing_else_is_read() {
    let ahead = ahead();
    let big = rpc(&ahead, &[&wire(1, ReadAhead::WORTH)]);
    let read = |says: &[&[u8]]| {
        let mut frames = spoken(&ahead, at_once(), says);
        frames.came(&big);
        drop(frames);
        ahead.tidy(Duration::ZERO);
        let batches = ahead.ready().batches();
        ahead.tidy(Duration::from_secs(10));
        batches
    };
    assert_eq!(read(&[b"\x13/multistream/1.0.0\n", b"\x0f/mesh", b"", b"sub/1.2.0", b"\n"]), 1);
    assert_eq!(read(&[b"\x13/multistream/1.0.0\n\x03na\n", b"\x0f/meshsub/1.1.0\n"]), 1);
    assert_eq!(read(&[b"\x13/multistream/1.0.0\n\x10/ipfs/ping/1.0.0\n"]), 0);
    assert_eq!(read(&[b"\x13/multistream/1.0.0\n"]), 0);
}

#[test]
fn what_is_not_worth_it_is_passed_on_at_once() {
    let ahead = ahead();
    let said = rpc(&ahead, &[&wire(1, 150_000), &wire(2, 150_000)]);
    let mut stream = stream(&ahead, at_once(), [said.clone(), said.clone()].concat());
    assert_eq!(read_all(&mut stream, 1), [said.clone(), said].concat());
    assert!(ahead.ready().batches() == 0);
    assert_eq!(ahead.pool.bytes(), 0);
}

#[test]
fn a_length_that_makes_no_sense_is_left_to_gossipsub() {
    let ahead = ahead();
    for begins in [vec![0xff; 9], varint(MAX_TRANSMIT + 1)] {
        let said = [begins, rpc(&ahead, &[&wire(1, ReadAhead::WORTH)])].concat();
        let mut stream = stream(&ahead, at_once(), said.clone());
        assert_eq!(read_all(&mut stream, 64), said);
        assert_eq!(ahead.ready().batches(), 0);
    }
    assert_eq!(ahead.pool.bytes(), 0);
}
