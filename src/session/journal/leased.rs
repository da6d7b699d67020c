//! Lines in a file, for sessions whose leases a store keeps: what the next process needs to know in order to succeed this
//! one at its exact COUNTs.
//!
//! ```text
//! page 0   magic, worker and sessions, boot of the machine (2), name of the node (2)
//!          lines by slot (64 octets each), as in the journal of sessions
//!          for each slot two times: fingerprint of a key, epoch of its lease (16 octets each)
//! ```
//! Nothing comes back by itself. The next process reads what is there, begins the file anew, and tells the store when a
//! session is asked for ([`Claim::Journal`](crate::store::lease::Claim)): only if the store's line still names this node
//! and epoch do the COUNTs here count. A file of another size, version or boot of the machine says nothing: its sessions
//! are taken as those of any lost node are. Keys and records are never here, the store has them.

use std::collections::HashMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FlockOperation, flock};

use crate::base::{Error, Result};
use crate::security::{Cell, Ledger, Line};
use crate::store::NodeName;
use crate::store::lease::Counts;

use super::folder::boot_id;
use super::memory::{Memory, Slice};
use super::{Journal, Lines};

const PAGE: usize = 4096;

/// "NLSLEAS" with the version in the last octet.
const FILE: u64 = u64::from_be_bytes(*b"NLSLEAS\x01");

/// Words of the header.
const MAGIC: usize = 0;
const OWN: usize = 1;
const BOOT: std::ops::Range<usize> = 2..4;
const NODE: std::ops::Range<usize> = 4..6;

/// Where a key stood when the process before this one ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// The node that this process was.
    pub owner: NodeName,
    /// Epoch of the key's lease.
    pub epoch: u64,
    /// Its COUNTs.
    pub counts: Counts,
}

/// What a directory of leases held, and journals that go on in it.
#[derive(Debug)]
pub struct Succession {
    /// One for each worker.
    pub journals: Vec<Journal>,
    /// By the number of the key.
    pub before: HashMap<u64, Before>,
}

/// The lines of one table.
pub(super) struct Leased {
    lines: Slice<Line>,
    epochs: Slice<[AtomicU64; 2]>,
    _lock: Arc<File>,
}

const fn epochs_at(sessions: usize) -> usize {
    PAGE + sessions * size_of::<Line>()
}

const fn len(sessions: usize) -> usize {
    epochs_at(sessions) + sessions * 2 * 16
}

fn halves(NodeName(name): NodeName) -> [u64; 2] {
    let half = |at: usize| {
        name[at..at + 8]
            .iter()
            .fold(0, |n, o| n << 8 | u64::from(*o))
    };
    [half(0), half(8)]
}

fn node([a, b]: [u64; 2]) -> NodeName {
    let mut name = [0; 16];
    name[..8].copy_from_slice(&a.to_be_bytes());
    name[8..].copy_from_slice(&b.to_be_bytes());
    NodeName(name)
}

impl Leased {
    fn entries(&self, slot: u32) -> &[[AtomicU64; 2]] {
        let at = slot as usize * 2;
        self.epochs.get(at..at + 2).unwrap_or_default()
    }

    /// Notes the epoch under which a key of this slot is used. One thread alone does.
    pub(super) fn note(&self, slot: u32, print: u64, epoch: u64) {
        let entries = self.entries(slot);
        let own = |entry: &&[AtomicU64; 2]| entry[0].load(Ordering::Acquire) == print;
        let idle = |entry: &&[AtomicU64; 2]| {
            let there = entry[0].load(Ordering::Acquire);
            let line = self.lines.get(slot as usize);
            there == 0 || line.is_none_or(|line| line.find(there).is_none())
        };
        let entry = entries.iter().find(own);
        if let Some(entry) = entry.or_else(|| entries.iter().find(idle)) {
            // A crash on the way leaves a key without an epoch: it is taken as one of a lost node.
            entry[0].store(0, Ordering::Release);
            entry[1].store(epoch, Ordering::Release);
            entry[0].store(print, Ordering::Release);
        }
    }

    /// What is there of a key.
    fn epoch(&self, slot: u32, print: u64) -> Option<u64> {
        let own = |entry: &&[AtomicU64; 2]| entry[0].load(Ordering::Acquire) == print;
        let entry = self.entries(slot).iter().find(own)?;
        Some(entry[1].load(Ordering::Acquire)).filter(|epoch| *epoch != 0)
    }

    fn read(&self, owner: NodeName, into: &mut HashMap<u64, Before>) {
        for (slot, line) in (0..).zip(self.lines.iter()) {
            for standing in Cell::ALL
                .into_iter()
                .filter_map(|cell| line.read(cell).ok())
            {
                if let Some(epoch) = self.epoch(slot, standing.print) {
                    let counts = Counts {
                        next: standing.next,
                        floor: standing.floor,
                    };
                    let before = Before {
                        owner,
                        epoch,
                        counts,
                    };
                    into.insert(standing.print, before);
                }
            }
        }
    }
}

/// Takes the directory for the lines of `workers` tables of so many sessions each, which this node is about to serve. What
/// the process before left is read and then forgotten.
///
/// # Errors
/// [`Error::Busy`] while another process has it; [`Error::Argument`]; [`Error::System`].
pub(in crate::session) fn succeed(
    path: &Path,
    (workers, sessions): (usize, usize),
    name: NodeName,
) -> Result<Succession> {
    let folder = DirBuilder::new().recursive(true).mode(0o700).create(path);
    folder.map_err(|_| Error::System)?;
    let file = |name: &str| {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let file = options.mode(0o600).open(path.join(name));
        file.map_err(|_| Error::System)
    };
    // The process before this one has ended, because it had this lock.
    let lock = Arc::new(file("leases")?);
    flock(&*lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| Error::Busy)?;
    let (boot, mut before, mut journals) = (boot_id(), HashMap::new(), Vec::new());
    for worker in 0..workers {
        let worker = u8::try_from(worker).map_err(|_| Error::Argument)?;
        let own = u64::from(worker) << 32 | sessions as u64;
        let file = file(&format!("leases-{worker:03}"))?;
        let size = file.metadata().map_err(|_| Error::System)?.len();
        if size == len(sessions) as u64 {
            let there = open(&file, sessions, &lock)?;
            let words: &[AtomicU64] = there.1.slice(0, PAGE / 8)?;
            let word = |at: usize| words[at].load(Ordering::Acquire);
            let same_boot = boot != [0; 2] && BOOT.zip(boot).all(|(at, own)| word(at) == own);
            if word(MAGIC) == FILE && word(OWN) == own && same_boot {
                there
                    .0
                    .read(node([word(NODE.start), word(NODE.start + 1)]), &mut before);
            }
        }
        // Empty, and then zeros: no key of before is in it.
        file.set_len(0).map_err(|_| Error::System)?;
        file.set_len(len(sessions) as u64)
            .map_err(|_| Error::System)?;
        let (leased, memory) = open(&file, sessions, &lock)?;
        let words: &[AtomicU64] = memory.slice(0, PAGE / 8)?;
        let store = |at: usize, value| words[at].store(value, Ordering::Release);
        BOOT.zip(boot).for_each(|(at, value)| store(at, value));
        NODE.zip(halves(name))
            .for_each(|(at, value)| store(at, value));
        store(OWN, own);
        store(MAGIC, FILE);
        journals.push(Journal {
            lines: Lines::File(leased.lines.clone()),
            ledger: Ledger::new(sessions),
            files: None,
            leased: Some(Box::new(leased)),
        });
    }
    Ok(Succession { journals, before })
}

fn open(file: &File, sessions: usize, lock: &Arc<File>) -> Result<(Leased, Arc<Memory>)> {
    let memory = Arc::new(Memory::map(file, len(sessions))?);
    let leased = Leased {
        lines: Slice::new(&memory, PAGE, sessions)?,
        epochs: Slice::new(&memory, epochs_at(sessions), sessions * 2)?,
        _lock: Arc::clone(lock),
    };
    Ok((leased, memory))
}
