//! Evidence of equivocations, as files `evidence/NUMBER-HASH.json` in the data directory, HASH being the later block's. `petrel check`
//! and the npm package's `petrel/verify` judge them.
//!
//! A thread writes them, because two blocks may have 40 MiB as hex. Bounds: the blocks of [`SignedBlocks`], [`QUEUE`] pairs that wait
//! for the thread, [`MAX_FILES`] files with [`MAX_BYTES`] in all. Further evidence is not written: what is there is never removed.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, channel, sync_channel},
    },
    thread,
    time::Duration,
};

use petrel_core::{
    Event,
    block::{Block, Verified},
    evidence::{Evidence, SignedBlocks},
};

use crate::system::private_files;

/// The folder in the data directory.
const FOLDER: &str = "evidence";
/// Pairs that may wait for the disk.
const QUEUE: usize = 4;
/// Files in the folder.
const MAX_FILES: usize = 64;
/// Bytes of the files in the folder.
const MAX_BYTES: u64 = 256 << 20;
/// How long writing the last file may take at the end.
const FINISH_TIMEOUT: Duration = Duration::from_secs(2);

type Pair = [Arc<Verified<Block>>; 2];

/// See the module.
#[derive(Debug)]
pub(super) struct EvidenceFiles {
    folder: PathBuf,
    chain: u64,
    blocks: SignedBlocks,
    /// Started with the first pair.
    writer: Option<EvidenceWriter>,
}

#[derive(Debug)]
struct EvidenceWriter {
    pairs: SyncSender<Pair>,
    /// Closed when the thread ends.
    ended: Receiver<()>,
}

impl EvidenceFiles {
    /// For the blocks of this chain; nothing is read or created yet.
    pub(super) fn new(datadir: &Path, chain: u64) -> Self {
        Self { folder: datadir.join(FOLDER), chain, blocks: SignedBlocks::default(), writer: None }
    }

    /// Keeps a signed block, and writes a file if it is the second one of its height.
    pub(super) fn on_event(&mut self, event: &Event) {
        let Event::Block(new) = event else { return };
        let Some(pair) = self.blocks.take(&new.block) else { return };
        let writer = self.writer.get_or_insert_with(|| EvidenceWriter::start(self.folder.clone(), self.chain));
        if writer.pairs.try_send(pair).is_err() {
            let number = new.block.payload.number();
            tracing::warn!(number, "evidence of two signed blocks is not written: the disk is too slow");
        }
    }

    /// Waits until everything is written, at most two seconds.
    pub(super) fn finish(self) {
        let Some(EvidenceWriter { pairs, ended }) = self.writer else { return };
        drop(pairs);
        // It ends by closing the channel, or is too slow: what is then unfinished has another name.
        let _closed = ended.recv_timeout(FINISH_TIMEOUT);
    }
}

impl EvidenceWriter {
    fn start(folder: PathBuf, chain: u64) -> Self {
        let (pairs, waiting) = sync_channel::<Pair>(QUEUE);
        let (closed_at_the_end, ended) = channel::<()>();
        thread::spawn(move || {
            let _closed_at_the_end = closed_at_the_end;
            for pair in waiting {
                report(write(&folder, chain, &pair), &folder);
            }
        });
        Self { pairs, ended }
    }
}

/// What has become of a pair.
#[derive(Debug, PartialEq, Eq)]
enum WrittenEvidence {
    File(PathBuf),
    /// The folder has as many files or bytes as it may have.
    NoRoom,
    /// It is there already, or is no evidence.
    Nothing,
}

fn report(written: io::Result<WrittenEvidence>, folder: &Path) {
    let folder = folder.display();
    match written {
        Ok(WrittenEvidence::File(file)) => {
            tracing::warn!(file = %file.display(), "the sequencer signed two blocks of one height: the evidence is in this file");
        }
        Ok(WrittenEvidence::NoRoom) => {
            tracing::warn!(%folder, "evidence of two signed blocks is not written: move the files of this folder away");
        }
        Ok(WrittenEvidence::Nothing) => {}
        Err(error) => tracing::warn!(%folder, %error, "evidence of two signed blocks cannot be written"),
    }
}

/// Writes one file, which has its name only when it is complete.
fn write(folder: &Path, chain: u64, pair: &Pair) -> io::Result<WrittenEvidence> {
    let [first, second] = pair;
    let Some(evidence) = Evidence::new(chain, [first, second]) else { return Ok(WrittenEvidence::Nothing) };
    private_files::create_directory(folder)?;
    let file = folder.join(format!("{}-{}.json", evidence.number, second.hash));
    if file.try_exists()? {
        return Ok(WrittenEvidence::Nothing);
    }
    let json = evidence.to_json();
    let (files, bytes) = used(folder)?;
    if files >= MAX_FILES || bytes.saturating_add(json.len() as u64) > MAX_BYTES {
        return Ok(WrittenEvidence::NoRoom);
    }
    let unfinished = folder.join("unfinished");
    fs::write(&unfinished, json)?;
    fs::rename(&unfinished, &file)?;
    Ok(WrittenEvidence::File(file))
}

/// The number of files in a folder, and their bytes.
fn used(folder: &Path) -> io::Result<(usize, u64)> {
    let (mut files, mut bytes) = (0, 0_u64);
    for entry in fs::read_dir(folder)? {
        match entry?.metadata() {
            Ok(found) => (files, bytes) = (files + 1, bytes.saturating_add(found.len())),
            // It was moved away meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok((files, bytes))
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::Arc};

    use alloy_primitives::hex;
    use petrel_core::{
        chain::Chain, evidence::judge, fork::Version, message::Message, offline::MessageJudge, primitives::Primitives,
        validation::peek_timestamp,
    };

    use super::{MAX_FILES, Pair, WrittenEvidence, write};

    fn file(name: &str) -> serde_json::Value {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/evidence");
        serde_json::from_slice(&fs::read(format!("{folder}/{name}")).unwrap()).unwrap()
    }

    fn judge_of_vectors() -> MessageJudge {
        let signer = file("index.json")["signer"].as_str().unwrap().parse().unwrap();
        MessageJudge::new(Chain::preset("op-mainnet").unwrap(), Some(signer))
    }

    /// Two signed blocks of one height.
    fn pair() -> Pair {
        let good = file("good.json");
        [0, 1].map(|at| {
            let data = hex::decode(good["blocks"][at]["message"].as_str().unwrap()).unwrap();
            let timestamp = peek_timestamp(Version::V4, &data);
            let task = judge_of_vectors().task(Version::V4, Message::of_decompressed(data.into()), timestamp);
            Arc::new(task.run(Primitives::PORTABLE).result.unwrap())
        })
    }

    #[test]
    fn a_pair_is_written_once_and_its_file_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("evidence");
        let WrittenEvidence::File(file) = write(&folder, 10, &pair()).unwrap() else { panic!("not written") };
        let report = judge(&fs::read(&file).unwrap(), &judge_of_vectors(), Primitives::PORTABLE);
        assert_eq!((report.verdict, report.number), ("accept", Some(1000)));
        assert_eq!(write(&folder, 10, &pair()).unwrap(), WrittenEvidence::Nothing);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn a_full_folder_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..MAX_FILES {
            fs::write(folder.path().join(number.to_string()), "").unwrap();
        }
        assert_eq!(write(folder.path(), 10, &pair()).unwrap(), WrittenEvidence::NoRoom);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), MAX_FILES);
        fs::remove_file(folder.path().join("0")).unwrap();
        fs::File::create(folder.path().join("1")).unwrap().set_len(super::MAX_BYTES).unwrap();
        assert_eq!(write(folder.path(), 10, &pair()).unwrap(), WrittenEvidence::NoRoom);
        fs::remove_file(folder.path().join("1")).unwrap();
        assert!(matches!(write(folder.path(), 10, &pair()).unwrap(), WrittenEvidence::File(_)));
    }
}
