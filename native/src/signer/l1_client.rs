//! Reads SystemConfig's slot from one L1 node, or from several of which two must agree.
//!
//! It verifies that L1 is the expected chain, that its head is recent and not in the future, that the reading is not older than the
//! last one, that the block's header hashes to its hash, and that the value is proven against the state root of that header. One L1
//! node is trusted for the block itself: proofs protect against faulty proxies and caches, not against a node that follows a fork or
//! invents blocks. With several nodes a block counts when [`QUORUM`] of them report the same hash for its number.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256};
use futures::future::join_all;
use petrel_core::l1::{self, L1Block, MAX_LEAD};

use super::{error::L1Error, l1_node::L1Node, source::SignerSource};
use crate::system::clock::unix_now;

/// How many nodes must report the same, if there are several.
const QUORUM: usize = 2;
/// How often the newest state is requested in one reading: L1's head may move between two calls.
const ATTEMPTS: u32 = 3;

/// A successful reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignerReading {
    /// The signer; `None` when the slot is zero.
    pub signer: Option<Address>,
    /// The L1 block at which it was read.
    pub block: u64,
    /// That block's timestamp, Unix seconds.
    pub time: u64,
    /// The timestamp of L1's newest block at the time of the reading, Unix seconds.
    pub head_time: u64,
}

/// See the module.
#[derive(Debug)]
pub struct L1Client {
    source: SignerSource,
    nodes: Vec<L1Node>,
}

/// A node with a block that it has reported.
type Report<'a> = (&'a L1Node, L1Block);

impl L1Client {
    /// Sends nothing yet. A proxy is taken from the process's environment.
    pub fn new(source: SignerSource) -> Self {
        Self::with_variables(source, &|name| std::env::var(name).ok())
    }

    /// The same with other environment variables.
    pub fn with_variables(source: SignerSource, value: &dyn Fn(&str) -> Option<String>) -> Self {
        let nodes = source.urls.iter().map(|url| L1Node::new(url.clone(), value)).collect();
        Self { nodes, source }
    }

    /// Reads the signer at the configured depth, at a block that is not older than `floor` (Unix seconds): the block of the last
    /// reading.
    ///
    /// # Errors
    /// See [`L1Error`].
    pub async fn read(&self, floor: u64) -> Result<SignerReading, L1Error> {
        let mut attempt = 1;
        loop {
            let heads = self.heads().await?;
            // The highest head that enough nodes have reached.
            let (_, head) = *heads.get(self.quorum() - 1).ok_or_else(|| self.too_few(heads.len(), None))?;
            // As op-node: a chain that is shorter than the depth is read at its head.
            let number = head.number().checked_sub(self.source.confs).unwrap_or(head.number());
            let reports = self.agreed_blocks(number, &heads).await?;
            let (_, block) = *reports.first().ok_or_else(|| self.too_few(0, None))?;
            check_floor(&block, floor)?;
            match self.word(&reports).await {
                // The head has moved since it was read, and L1 proves only the newest state.
                Err(L1Error::OutOfWindow { .. }) if number == head.number() && attempt < ATTEMPTS => attempt += 1,
                word => {
                    let (block, time, head_time) = (number, block.timestamp(), head.timestamp());
                    return Ok(SignerReading { signer: l1::signer_in(word?)?, block, time, head_time });
                }
            }
        }
    }

    /// How many nodes must agree.
    fn quorum(&self) -> usize {
        QUORUM.min(self.nodes.len()).max(1)
    }

    /// The nodes with their heads, the highest first.
    async fn heads(&self) -> Result<Vec<Report<'_>>, L1Error> {
        let heads = join_all(self.nodes.iter().map(|node| node.head(&self.source))).await;
        let mut heads = self.sort_answers(heads)?;
        heads.sort_by_key(|(_, head)| std::cmp::Reverse(head.number()));
        Ok(heads)
    }

    /// The nodes that report the same block for this number, enough of them.
    async fn agreed_blocks<'a>(&self, number: u64, heads: &[Report<'a>]) -> Result<Vec<Report<'a>>, L1Error> {
        let reached = heads.iter().filter(|(_, head)| head.number() >= number);
        let blocks = join_all(reached.map(async |(node, head)| match head.number() {
            head_number if head_number == number => (*node, Ok(*head)),
            _ => (*node, node.block(number, &self.source).await),
        }));
        let mut by_hash: BTreeMap<B256, Vec<Report<'a>>> = BTreeMap::new();
        let mut failed = None;
        for (node, block) in blocks.await {
            match block {
                Ok(block) => by_hash.entry(block.hash).or_default().push((node, block)),
                Err(error) => failed = Some(self.of_node(node, error)),
            }
        }
        let most = by_hash.values().max_by_key(|reports| reports.len()).cloned().unwrap_or_default();
        match (most.len() >= self.quorum(), by_hash.len()) {
            (true, _) => Ok(most),
            (false, 0 | 1) => Err(self.too_few(most.len(), failed)),
            (false, _) => Err(L1Error::Disagree { block: number }),
        }
    }

    /// The slot's word at a block, from one of the nodes that reported the block.
    async fn word(&self, reports: &[Report<'_>]) -> Result<B256, L1Error> {
        let mut failed = None;
        for (node, block) in reports {
            match node.proven_word(block, &self.source).await {
                Ok(word) => return Ok(word),
                // A false proof is a more important error than a missing one.
                Err(error) if failed.is_none() || !error.has_no_proof() => failed = Some((*node, error)),
                Err(_) => {}
            }
        }
        match failed {
            Some((_, error)) if error.has_no_proof() && self.source.trust => self.unproven_word(reports).await,
            Some((node, error)) => Err(self.of_node(node, error)),
            None => Err(self.too_few(0, None)),
        }
    }

    /// The slot's word that enough nodes report, without a proof.
    async fn unproven_word(&self, reports: &[Report<'_>]) -> Result<B256, L1Error> {
        let words = join_all(reports.iter().map(|(node, block)| node.unproven_word(block, &self.source))).await;
        let number = reports.first().map_or(0, |(_, block)| block.number());
        let mut counts: BTreeMap<B256, usize> = BTreeMap::new();
        let mut failed = None;
        for ((node, _), word) in reports.iter().zip(words) {
            match word {
                Ok(word) => *counts.entry(word).or_default() += 1,
                Err(error) => failed = Some(self.of_node(node, error)),
            }
        }
        match counts.iter().max_by_key(|(_, count)| **count) {
            Some((word, count)) if *count >= self.quorum() => Ok(*word),
            Some(_) if counts.len() > 1 => Err(L1Error::Disagree { block: number }),
            most => Err(self.too_few(most.map_or(0, |(_, count)| *count), failed)),
        }
    }

    /// The answers of all nodes without the failed ones.
    ///
    /// # Errors
    /// There are too few, or one of the nodes is another chain's.
    fn sort_answers(&self, answers: Vec<Result<L1Block, L1Error>>) -> Result<Vec<Report<'_>>, L1Error> {
        let (mut reports, mut failed) = (Vec::new(), None);
        for (node, answer) in self.nodes.iter().zip(answers) {
            match answer {
                Ok(block) => reports.push((node, block)),
                Err(error @ L1Error::WrongChain { .. }) => return Err(self.of_node(node, error)),
                Err(error) => failed = Some(self.of_node(node, error)),
            }
        }
        if reports.len() < self.quorum() { Err(self.too_few(reports.len(), failed)) } else { Ok(reports) }
    }

    /// The error of one node; with several, it names the node.
    fn of_node(&self, node: &L1Node, error: L1Error) -> L1Error {
        match self.nodes.len() {
            1 => error,
            _ => L1Error::OfNode { node: node.name(), error: Box::new(error) },
        }
    }

    /// The error that too few nodes agree, with the error of one that failed; of a single node it is that error.
    fn too_few(&self, agree: usize, failed: Option<L1Error>) -> L1Error {
        match failed {
            Some(error) if self.nodes.len() == 1 => error,
            failed => {
                let error = failed.map_or_else(|| "the others are behind".to_owned(), |error| error.to_string());
                L1Error::TooFew { agree, of: self.nodes.len(), error }
            }
        }
    }
}

/// A block that is older than the last reading is refused. A last reading in the future was a faulty one, or the clock was wrong.
fn check_floor(block: &L1Block, floor: u64) -> Result<(), L1Error> {
    let late = floor.saturating_sub(block.timestamp());
    if late > 0 && floor <= unix_now().saturating_add(MAX_LEAD) {
        return Err(L1Error::Behind { block: block.number(), late });
    }
    Ok(())
}
