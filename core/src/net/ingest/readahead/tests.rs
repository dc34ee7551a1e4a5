use core::{
    pin::pin,
    sync::atomic::AtomicUsize,
    task::{Context, Poll},
};
use std::task::Wake;

use futures::{AsyncReadExt, FutureExt, channel::oneshot, executor::block_on, io::Cursor};
use libp2p::gossipsub::{self, DataTransform, RawMessage};

use super::{frames::FrameReader, *};
use crate::{
    chain::Chain,
    event::Direction,
    message::{Form, Message},
    net::{
        ingest::transform::Transform,
        metering::wrapper::{ObservedStream, StreamObserver},
        params::MAX_TRANSMIT,
    },
};

fn readahead() -> ReadAhead {
    ReadAhead::new(Topics::new(&Chain::preset("op-mainnet").expect("a preset")), Arc::default())
}

/// The peer that opened the streams.
fn peer() -> PeerId {
    PeerId::from_bytes(&[0, 1, 1]).expect("an identity multihash")
}

/// Runs every job before it returns.
fn run_inline() -> Offload {
    Arc::new(|job: Job| {
        job();
        Box::pin(core::future::ready(()))
    })
}

/// A gossip stream of the peer after its negotiation; it yields `bytes`.
fn stream(readahead: &ReadAhead, offload: Offload, bytes: Vec<u8>) -> ObservedStream<Cursor<Vec<u8>>, FrameReader> {
    let frames = after_writes(readahead, offload, &[b"\x13/multistream/1.0.0\n\x0f/meshsub/1.2.0\n"]);
    ObservedStream::new(Cursor::new(bytes), frames)
}

/// The observer of a stream that the peer opened, after this node has written `parts`. Each write was pending once.
fn after_writes(readahead: &ReadAhead, offload: Offload, parts: &[&[u8]]) -> FrameReader {
    let mut frames = FrameReader::new(readahead.clone(), offload, peer(), Direction::Inbound);
    for part in parts {
        frames.on_write(part, &Poll::Pending);
        frames.on_write(part, &Poll::Ready(Ok(part.len())));
    }
    frames
}

fn transform() -> Transform {
    Transform::new(&Chain::preset("op-mainnet").expect("a preset"))
}

/// The message that gossipsub gets from the transform.
fn transformed(transform: &Transform, wire: &[u8]) -> gossipsub::Message {
    let (data, topic) = (wire.to_vec(), transform.topic(Version::V4).clone());
    let raw =
        RawMessage { source: None, data, sequence_number: None, topic, signature: None, key: None, validated: false };
    transform.inbound_transform(raw).expect("a topic of the chain")
}

/// The form of the message when it is delivered.
fn form(transform: &Transform, wire: &[u8]) -> Form {
    transform.message(&transformed(transform, wire)).form
}

fn varint(value: usize) -> Vec<u8> {
    let mut digits = Vec::new();
    prost::encoding::encode_varint(value as u64, &mut digits);
    digits
}

fn field(number: u8, value: &[u8]) -> Vec<u8> {
    [vec![number << 3 | 2], varint(value.len()), value.to_vec()].concat()
}

/// An RPC with these messages on the topic of payload version 4, with its length before it.
fn rpc(readahead: &ReadAhead, messages: &[&[u8]]) -> Vec<u8> {
    let topic = readahead.topics.topic(Version::V4).as_str().as_bytes();
    let message = |data: &&[u8]| field(2, &[field(2, data), field(4, topic)].concat());
    let body: Vec<u8> = messages.iter().flat_map(message).collect();
    [varint(body.len()), body].concat()
}

/// A message of random bytes, which do not compress.
fn random_message(seed: u32, length: usize) -> Vec<u8> {
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

/// A short message that decompresses to the maximum length.
fn bomb(fill: u8) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(&vec![fill; MAX_MESSAGE]).expect("it fits")
}

fn read_all(stream: &mut ObservedStream<Cursor<Vec<u8>>, FrameReader>, piece: usize) -> Vec<u8> {
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
fn large_messages_are_read_once_and_passed_on_unchanged_for_any_piece_size() {
    let readahead = readahead();
    let (small, one, other) = (random_message(2, 100), random_message(2, 1_500_000), random_message(3, 900_000));
    let sent =
        [rpc(&readahead, &[&small]), rpc(&readahead, &[&one, &small, &other]), vec![0], rpc(&readahead, &[&small])]
            .concat();
    for piece in [97, 4096, 1 << 23] {
        let mut stream = stream(&readahead, run_inline(), sent.clone());
        assert_eq!(read_all(&mut stream, piece), sent);
        let topic = readahead.topics.topic(Version::V4).as_str();
        for wire in [&one, &other] {
            let found = readahead.take(Version::V4, false, wire, true).expect("it was read ahead");
            let expected = Message::decompress(wire);
            assert_eq!((found.form, found.id), (Form::Snappy, expected.id(topic)));
            assert_eq!(found.data, Some(expected.data));
            assert!(readahead.take(Version::V4, false, wire, true).is_none(), "it is taken once");
        }
        assert!(readahead.take(Version::V4, false, &small, true).is_none(), "small messages are not read ahead");
    }
    assert_eq!(readahead.pool.bytes(), 0);
}

#[derive(Default)]
struct WakeCount(AtomicUsize);

impl Wake for WakeCount {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn the_end_of_a_large_rpc_waits_for_its_job_and_no_later_bytes_pass_it() {
    let readahead = readahead();
    let large = rpc(&readahead, &[&random_message(1, ReadAhead::MIN_RPC_WORK)]);
    let sent = [large.clone(), rpc(&readahead, &[&random_message(2, 100)])].concat();
    let (done, job_end) = oneshot::channel::<()>();
    let job_end = Mutex::new(Some(job_end));
    let offload: Offload = Arc::new(move |_| {
        let job_end = job_end.lock().unwrap_or_else(PoisonError::into_inner).take();
        Box::pin(job_end.expect("one job").map(|ended| ended.expect("the sender is not dropped")))
    });
    let mut stream = stream(&readahead, offload, sent.clone());
    let (mut all, mut buffer) = (Vec::new(), vec![0; 5000]);
    let wake_count = Arc::new(WakeCount::default());
    let waker = wake_count.clone().into();
    let mut context = Context::from_waker(&waker);
    while let Poll::Ready(length) = pin!(stream.read(&mut buffer)).poll_unpin(&mut context) {
        let length = length.expect("a cursor");
        assert_ne!(length, 0, "nothing was held back");
        all.extend_from_slice(&buffer[..length]);
    }
    assert!(all.len() < large.len(), "the whole RPC was passed on");
    assert!(pin!(stream.read(&mut buffer)).poll_unpin(&mut context).is_pending());
    assert_eq!(wake_count.0.load(Ordering::Relaxed), 0);
    done.send(()).expect("the job is awaited");
    assert_eq!(wake_count.0.load(Ordering::Relaxed), 1, "the reader is woken");
    all.extend(read_all(&mut stream, 333));
    assert_eq!(all, sent);
}

#[test]
fn a_message_that_is_surplus_in_one_rpc_is_not_surplus_in_another() {
    let transform = transform();
    let readahead = transform.readahead();
    let bombs = [1, 2, 3].map(bomb);
    let [first, second, third] = &bombs;
    let mut stream = stream(readahead, run_inline(), rpc(readahead, &[first, second, third]));
    read_all(&mut stream, 4096);
    // The copy of another peer is requested first, in its own turn.
    transform.begin_turn();
    assert_eq!(form(&transform, second), Form::Snappy);
    transform.begin_turn();
    assert_eq!(form(&transform, first), Form::Snappy);
    assert_eq!([form(&transform, third), form(&transform, third)], [Form::Surplus; 2]);
    // A small message of another peer in the same turn is read, because the turn had little work.
    assert_eq!(form(&transform, &random_message(1, 100_000)), Form::Snappy);
}

#[test]
fn a_message_that_is_surplus_for_one_peer_is_read_ahead_for_another() {
    let readahead = readahead();
    let bomb = bomb(7);
    let block = random_message(1, 3 << 20);
    let mut hostile = stream(&readahead, run_inline(), rpc(&readahead, &[&bomb, &block]));
    read_all(&mut hostile, 1 << 16);
    let mut honest = stream(&readahead, run_inline(), rpc(&readahead, &[&block]));
    read_all(&mut honest, 1 << 16);
    let found = readahead.take(Version::V4, false, &block, true).expect("it was read ahead");
    assert_eq!(found.form, Form::Snappy);
}

/// A message that declares 4 MiB and decompresses to one byte less. `fill` makes messages differ.
fn corrupt(fill: u8) -> Vec<u8> {
    let length = 4 << 20;
    let whole = snap::raw::Encoder::new().compress_vec(&vec![fill; length - 1]).expect("it fits");
    let (_, body) = whole.split_at(varint(length - 1).len());
    [&varint(length), body].concat()
}

#[test]
fn a_message_that_does_not_decompress_counts_as_work() {
    let wires = [1, 2, 3, 4].map(corrupt);
    let expected = [Form::Corrupt, Form::Corrupt, Form::Surplus, Form::Surplus];
    let (loop_only, with_readahead) = (transform(), transform());
    let readahead = with_readahead.readahead();
    let [first, second, third, fourth] = &wires;
    let sent = rpc(readahead, &[first, first, second, third, fourth]);
    let mut once = stream(readahead, run_inline(), sent.clone());
    read_all(&mut once, 4096);
    for (wire, expected) in wires.iter().zip(expected) {
        assert_eq!(readahead.take(Version::V4, false, wire, true).map(|message| message.form), Some(expected));
    }
    let mut again = stream(readahead, run_inline(), sent);
    read_all(&mut again, 4096);
    for transform in [with_readahead, loop_only] {
        transform.begin_turn();
        assert_eq!([0, 1, 2, 3].map(|at| form(&transform, &wires[at])), expected);
    }
}

#[test]
fn the_first_message_of_an_rpc_keeps_its_bytes_when_the_cache_of_read_messages_is_full() {
    let transform = transform();
    let readahead = transform.readahead();
    let (block, bombs) = (random_message(1, 3 << 20), [1, 2, 3, 4, 5, 6, 7].map(bomb));
    // gossipsub requests none of these before the turn below.
    let read = bombs[..6].iter().chain([&block]).map(|wire| stream(readahead, run_inline(), rpc(readahead, &[wire])));
    let mut streams: Vec<_> = read.collect();
    streams.iter_mut().for_each(|stream| drop(read_all(stream, 1 << 16)));
    assert_eq!(readahead.ready().batches(), 7);
    transform.begin_turn();
    let first = transformed(&transform, &block);
    bombs.iter().for_each(|bomb| drop(transformed(&transform, bomb)));
    let message = transform.message(&first);
    assert_eq!((message.form, message.data.len()), (Form::Snappy, 3 << 20));
}

#[test]
fn beyond_the_limit_the_batch_that_was_read_first_is_removed() {
    let readahead = readahead();
    let bombs = [1, 2, 3, 4, 5, 6, 7].map(|fill| {
        let bomb = bomb(fill);
        let mut stream = stream(&readahead, run_inline(), rpc(&readahead, &[&bomb]));
        read_all(&mut stream, 1 << 16);
        bomb
    });
    assert_eq!(readahead.ready().batches(), 6);
    let [first, second, ..] = &bombs;
    assert!(readahead.take(Version::V4, false, first, true).is_none());
    assert!(readahead.take(Version::V4, false, second, true).is_some());
    assert_eq!(readahead.ready().batches(), 6, "its empty batch stays until it expires");
}

#[test]
fn rpcs_of_ignored_peers_and_messages_of_other_chains_are_not_read_ahead() {
    let readahead = readahead();
    let large = random_message(1, ReadAhead::MIN_RPC_WORK);
    let foreign = field(2, &[field(2, &large), field(4, b"/optimism/1/0/blocks")].concat());
    let mut other_chain = stream(&readahead, run_inline(), [varint(foreign.len()), foreign].concat());
    read_all(&mut other_chain, 4096);
    readahead.set_ignored_peers([peer()].into());
    let mut ignored = stream(&readahead, run_inline(), rpc(&readahead, &[&large]));
    read_all(&mut ignored, 4096);
    assert_eq!(readahead.ready().batches(), 0);
    readahead.set_ignored_peers(BTreeSet::new());
    let mut accepted = stream(&readahead, run_inline(), rpc(&readahead, &[&large]));
    read_all(&mut accepted, 4096);
    assert_eq!(readahead.ready().batches(), 1);
}

#[test]
fn beyond_the_limit_the_oldest_rpc_is_not_read_ahead_and_an_ended_stream_frees_its_bytes() {
    let readahead = readahead();
    let large = rpc(&readahead, &[&random_message(1, 9 << 20)]);
    let half = large.len() / 2;
    let begin = |content: &[u8]| {
        let mut stream = stream(&readahead, run_inline(), content.to_vec());
        let mut buffer = vec![0; half];
        block_on(stream.read_exact(&mut buffer)).expect("a cursor");
        assert_eq!(buffer, large[..half]);
        stream
    };
    let mut oldest = begin(&large);
    let others: Vec<_> = (0..14).map(|_| begin(&large[..half])).collect();
    let mut newest = begin(&large);
    let bytes = readahead.pool.bytes();
    assert!(bytes > Pool::BYTES - (10 << 20) && bytes <= Pool::BYTES, "{bytes}");
    assert_eq!(read_all(&mut oldest, 1 << 16), large[half..]);
    assert_eq!(readahead.ready().batches(), 0, "it was dropped at the limit");
    assert_eq!(read_all(&mut newest, 1 << 16), large[half..]);
    assert_eq!(readahead.ready().batches(), 1);
    drop(others);
    assert_eq!(readahead.pool.bytes(), 0);
}

#[test]
fn a_message_that_gossipsub_does_not_request_expires_after_its_stream_has_ended() {
    let readahead = readahead();
    let mut stream = stream(&readahead, run_inline(), rpc(&readahead, &[&random_message(1, ReadAhead::MIN_RPC_WORK)]));
    read_all(&mut stream, 4096);
    let batches = |seconds| {
        readahead.remove_expired(Duration::from_secs_f32(seconds));
        readahead.ready().batches()
    };
    assert_eq!((batches(0.0), batches(10.0)), (1, 1), "gossipsub may still request it");
    drop(stream);
    assert_eq!((batches(10.0), batches(10.1)), (1, 1), "gossipsub may still decode the RPC");
    assert_eq!(batches(10.5), 0);
}

#[test]
fn an_rpc_is_passed_on_when_its_job_is_dropped() {
    let readahead = readahead();
    let wire = random_message(1, ReadAhead::MIN_RPC_WORK);
    let sent = rpc(&readahead, &[&wire]);
    let dropping: Offload = Arc::new(|job: Job| {
        drop(job);
        Box::pin(core::future::ready(()))
    });
    let mut stream = stream(&readahead, dropping, sent.clone());
    assert_eq!(read_all(&mut stream, 4096), sent);
    assert!(readahead.take(Version::V4, false, &wire, true).is_none());
    assert_eq!(readahead.pool.bytes(), 0);
}

#[test]
fn a_job_whose_stream_has_ended_reads_nothing() {
    let readahead = readahead();
    let jobs = Arc::new(Mutex::new(Vec::new()));
    let queue = jobs.clone();
    let offload: Offload = Arc::new(move |job: Job| {
        queue.lock().unwrap_or_else(PoisonError::into_inner).push(job);
        Box::pin(core::future::pending())
    });
    let mut frames = after_writes(&readahead, offload, &[b"\x13/multistream/1.0.0\n\x0f/meshsub/1.2.0\n"]);
    frames.on_read(&rpc(&readahead, &[&random_message(1, ReadAhead::MIN_RPC_WORK)]));
    assert!(readahead.pool.bytes() > ReadAhead::MIN_RPC_WORK);
    drop(frames);
    let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).pop().expect("one job");
    job();
    assert_eq!((readahead.ready().batches(), readahead.pool.bytes()), (0, 0));
}

#[test]
fn only_streams_that_negotiate_gossipsub_are_read_ahead_for_any_write_size() {
    let readahead = readahead();
    let large = rpc(&readahead, &[&random_message(1, ReadAhead::MIN_RPC_WORK)]);
    let read = |parts: &[&[u8]]| {
        let mut frames = after_writes(&readahead, run_inline(), parts);
        frames.on_read(&large);
        drop(frames);
        readahead.remove_expired(Duration::ZERO);
        let batches = readahead.ready().batches();
        readahead.remove_expired(Duration::from_secs(10));
        batches
    };
    assert_eq!(read(&[b"\x13/multistream/1.0.0\n", b"\x0f/mesh", b"", b"sub/1.2.0", b"\n"]), 1);
    assert_eq!(read(&[b"\x13/multistream/1.0.0\n\x03na\n", b"\x0f/meshsub/1.1.0\n"]), 1);
    assert_eq!(read(&[b"\x13/multistream/1.0.0\n\x10/ipfs/ping/1.0.0\n"]), 0);
    assert_eq!(read(&[b"\x13/multistream/1.0.0\n"]), 0);
}

#[test]
fn an_rpc_with_little_work_is_not_held_back() {
    let readahead = readahead();
    let sent = rpc(&readahead, &[&random_message(1, 150_000), &random_message(2, 150_000)]);
    let mut stream = stream(&readahead, run_inline(), [sent.clone(), sent.clone()].concat());
    assert_eq!(read_all(&mut stream, 1), [sent.clone(), sent].concat());
    assert!(readahead.ready().batches() == 0);
    assert_eq!(readahead.pool.bytes(), 0);
}

#[test]
fn a_stream_with_an_invalid_rpc_length_is_not_read_ahead() {
    let readahead = readahead();
    for prefix in [vec![0xff; 9], varint(MAX_TRANSMIT + 1)] {
        let sent = [prefix, rpc(&readahead, &[&random_message(1, ReadAhead::MIN_RPC_WORK)])].concat();
        let mut stream = stream(&readahead, run_inline(), sent.clone());
        assert_eq!(read_all(&mut stream, 64), sent);
        assert_eq!(readahead.ready().batches(), 0);
    }
    assert_eq!(readahead.pool.bytes(), 0);
}
