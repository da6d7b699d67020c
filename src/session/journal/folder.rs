//! The directory: its files, their headers, and its lock.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rustix::fs::{FlockOperation, flock};
use zeroize::{Zeroize, Zeroizing};

use crate::base::{Error, Result, random};
use crate::security::{Cell, Ledger, Line};
use crate::session::free::SHARDS;
use crate::session::guard::{Floors, KeyMemory};
use crate::session::shard::{Print, Remembered};
use crate::session::table::TableConfig;
use crate::store::{KeyRing, PrintKey};

use super::memory::{Memory, Slice};
use super::records::{PLACE, Records};
use super::slices::{SliceRecords, file_len};
use super::{Journal, Lines, OPEN, Opened};

const PAGE: usize = 4096;

/// "NLSKEYS" and "NLSCOUNT" with the version in the last octet.
const KEYS: u64 = u64::from_be_bytes(*b"NLSKEYS\x01");
const COUNTS: u64 = u64::from_be_bytes(*b"NLSCNTS\x02");
/// Of the version that kept no slices. It becomes the present one, which that version refuses: it would let them lag.
const COUNTS_1: u64 = u64::from_be_bytes(*b"NLSCNTS\x01");

/// Words of the header of `keys`.
const MAGIC: usize = 0;
const SIZES: std::ops::Range<usize> = 1..4; // remembered keys of a shard, workers, sessions of a worker
const BOOT: std::ops::Range<usize> = 4..6;
const CLEAN: usize = 6;
const OLDEST: usize = 8; // and one for each shard of the key memory
const SEALED: u64 = 512; // octet: length (4) and the sealed key of the fingerprints
const SEALED_MOST: usize = 256;

const PRINT_KEY: &[u8] = b"naslane print key 1";

/// A directory that sessions outlive a crash in. It belongs to one engine at a time.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    ring: Arc<KeyRing>,
}

/// What all files of a directory share: the lock, and whether it was closed in order.
struct House {
    header: Memory,
    keys: File,
    /// The COUNTs are those of this boot of the machine, or were closed in order.
    trusted: bool,
    /// It is to be closed in order: it was opened.
    clean: bool,
}

impl House {
    fn words(&self) -> &[AtomicU64] {
        // The header has a page of its own.
        self.header.slice(0, PAGE / 8).unwrap_or_default()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // The last one out: all counts and records are on the disk.
        if self.clean && self.header.sync().is_ok() && self.keys.sync_data().is_ok() {
            self.words()[CLEAN].store(1, Ordering::Release);
            // Not on the disk: the next engine takes the directory for one that was not closed.
            let _ = self.header.sync();
        }
        // Closing alone would leave the lock to a child that this process forked and that has not closed it yet.
        let _ = flock(&self.keys, FlockOperation::Unlock);
    }
}

/// The files of one table.
pub(super) struct Files {
    memory: Arc<Memory>,
    lines: Slice<Line>,
    sessions: usize,
    records: Records,
    slices: SliceRecords,
    house: Arc<House>,
}

const fn sequences_at(sessions: usize) -> usize {
    PAGE + (sessions * 4).next_multiple_of(PAGE)
}

const fn owners_at(sessions: usize) -> usize {
    sequences_at(sessions) + (sessions * 4).next_multiple_of(PAGE)
}

const fn lines_at(sessions: usize) -> usize {
    owners_at(sessions) + (sessions * 16).next_multiple_of(PAGE)
}

impl Files {
    pub(super) fn generations(&self) -> &[AtomicU32] {
        self.memory.slice(PAGE, self.sessions).unwrap_or_default()
    }

    /// The sequence of the record of this slot that was written last.
    pub(super) fn sequence(&self, slot: u32) -> Option<&AtomicU32> {
        let all = self
            .memory
            .slice(sequences_at(self.sessions), self.sessions);
        all.unwrap_or_default().get(slot as usize)
    }

    pub(super) fn owners(&self) -> &[[AtomicU64; 2]] {
        self.memory
            .slice(owners_at(self.sessions), self.sessions)
            .unwrap_or_default()
    }

    pub(super) const fn records(&self) -> &Records {
        &self.records
    }

    pub(super) const fn slices(&self) -> &SliceRecords {
        &self.slices
    }

    /// Whether the COUNTs may be relied upon.
    pub(super) fn trusted(&self) -> bool {
        self.house.trusted
    }

    /// Fingerprints in the lines of sessions that are open.
    fn prints(&self) -> impl Iterator<Item = u64> + '_ {
        let both = self.generations().iter().zip(self.lines.iter());
        let open = both.filter(|(word, _)| word.load(Ordering::Acquire) & OPEN != 0);
        open.flat_map(|(_, line)| Cell::ALL.map(|cell| line.print(cell)))
            .filter(|print| *print != 0)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // What is not on the disk is there for the next process all the same, while the machine runs.
        let _ = self.memory.sync();
        let _ = self.records.sync();
        let _ = self.slices.sync();
    }
}

impl Folder {
    /// A directory, made when it is not there, and the keys that seal what is in it.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, ring: KeyRing) -> Self {
        Self {
            path: path.into(),
            ring: Arc::new(ring),
        }
    }

    /// Takes the directory for `workers` tables of this kind, with what it holds.
    ///
    /// # Errors
    /// [`Error::Busy`] while another engine has it; [`Error::Record`] when it is of another version, for other numbers of
    /// workers, sessions or remembered keys, or sealed under a key that is not in the ring; [`Error::Argument`];
    /// [`Error::System`].
    pub fn open(&self, config: &TableConfig, workers: usize) -> Result<Opened> {
        let folder = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.path);
        folder.map_err(|_| Error::System)?;
        let file = self.file("keys")?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| Error::Busy)?;
        let memory =
            KeyMemory::remembered_per_shard(config.remembered_keys.saturating_mul(workers));
        let mirror = PAGE + SHARDS * memory * ENTRY * 8;
        let numbers = [memory, workers, config.sessions].map(|number| number as u64);
        let (house, prints) = self.house(file, mirror, numbers)?;
        let house = Arc::new(house);
        let mut files = Vec::with_capacity(workers);
        for worker in 0..workers {
            let worker = u8::try_from(worker).map_err(|_| Error::Argument)?;
            files.push(self.table(&house, (worker, config.sessions))?);
        }
        let live = files.iter().flat_map(Files::prints).map(Print::new);
        let mirrors = (0..SHARDS).map(|shard| Mirror {
            house: house.clone(),
            shard,
            entries: memory,
        });
        let keys = config.key_memory(workers);
        let keys = keys.kept(prints, mirrors, live);
        let journals = files.into_iter().map(|files| Journal {
            lines: Lines::File(files.lines.clone()),
            ledger: Ledger::new(files.sessions),
            files: Some(Box::new(files)),
            leased: None,
        });
        Ok(Opened {
            keys: Arc::new(keys),
            journals: journals.collect(),
        })
    }

    fn file(&self, name: &str) -> Result<File> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let file = options.mode(0o600).open(self.path.join(name));
        file.map_err(|_| Error::System)
    }

    fn house(&self, file: File, len: usize, numbers: [u64; 3]) -> Result<(House, PrintKey)> {
        let fresh = grow(&file, len)?;
        let header = Memory::map(&file, len)?;
        let boot = boot_id();
        let mut house = House {
            header,
            keys: file,
            trusted: false,
            clean: false,
        };
        let words = house.words();
        let is = |at: usize, value: u64| words[at].load(Ordering::Acquire) == value;
        if fresh || is(MAGIC, 0) {
            // Before the magic: a crash on the way leaves a directory that is begun again.
            let prints = self.draw()?;
            self.keep(&house.keys, &prints)?;
            SIZES
                .zip(numbers)
                .for_each(|(at, value)| words[at].store(value, Ordering::Release));
            words[MAGIC].store(KEYS, Ordering::Release);
        } else if !is(MAGIC, KEYS) || SIZES.zip(numbers).any(|(at, value)| !is(at, value)) {
            return Err(Error::Record);
        }
        let prints = self.read(&house.keys)?;
        let same_boot = boot != [0; 2] && BOOT.zip(boot).all(|(at, value)| is(at, value));
        let trusted = fresh || is(CLEAN, 1) || same_boot;
        BOOT.zip(boot)
            .for_each(|(at, value)| words[at].store(value, Ordering::Release));
        words[CLEAN].store(0, Ordering::Release);
        house.trusted = trusted;
        house.clean = true;
        Ok((house, prints))
    }

    fn draw(&self) -> Result<PrintKey> {
        let mut octets = [0; PrintKey::LEN];
        random::fill(&mut octets)?;
        let key = PrintKey::new(octets);
        octets.zeroize();
        Ok(key)
    }

    /// Seals the key of the fingerprints into the header.
    fn keep(&self, file: &File, prints: &PrintKey) -> Result<()> {
        let mut octets = vec![0; 4];
        self.ring.seal(PRINT_KEY, prints.expose(), &mut octets)?;
        let len = (octets.len() - 4) as u32;
        octets[..4].copy_from_slice(&len.to_be_bytes());
        file.write_all_at(&octets, SEALED)
            .map_err(|_| Error::System)
    }

    /// Opens it, and seals it again when the key that seals is another one now.
    fn read(&self, file: &File) -> Result<PrintKey> {
        let mut octets = [0; SEALED_MOST];
        file.read_exact_at(&mut octets, SEALED)
            .map_err(|_| Error::System)?;
        let (len, rest) = octets.split_at(4);
        let len = u32::from_be_bytes([len[0], len[1], len[2], len[3]]) as usize;
        let sealed = rest.get(..len).ok_or(Error::Record)?;
        let mut plain = Zeroizing::default();
        self.ring.open(PRINT_KEY, sealed, &mut plain)?;
        let octets: &[u8; PrintKey::LEN] =
            plain.as_slice().try_into().map_err(|_| Error::Record)?;
        let prints = PrintKey::new(*octets);
        if sealed[4..8] != self.ring.seals_with().to_be_bytes() {
            self.keep(file, &prints)?;
        }
        Ok(prints)
    }

    fn table(&self, house: &Arc<House>, (worker, sessions): (u8, usize)) -> Result<Files> {
        let counts = self.file(&format!("counts-{worker:03}"))?;
        let len = lines_at(sessions) + sessions * size_of::<Line>();
        grow(&counts, len)?;
        let memory = Arc::new(Memory::map(&counts, len)?);
        let lines = Slice::new(&memory, lines_at(sessions), sessions)?;
        let words: &[AtomicU64] = memory.slice(0, 2)?;
        let own = u64::from(worker) << 32 | sessions as u64;
        match words[0].load(Ordering::Acquire) {
            0 => {
                words[1].store(own, Ordering::Release);
                words[0].store(COUNTS, Ordering::Release);
            }
            COUNTS | COUNTS_1 if words[1].load(Ordering::Acquire) == own => {}
            _ => return Err(Error::Record),
        }
        let records = self.file(&format!("records-{worker:03}"))?;
        grow(&records, sessions * PLACE)?;
        let slices = self.file(&format!("slices-{worker:03}"))?;
        grow(&slices, file_len(sessions))?;
        let slices = SliceRecords::open(slices, self.ring.clone(), (worker, sessions))?;
        words[0].store(COUNTS, Ordering::Release);
        Ok(Files {
            memory,
            lines,
            sessions,
            records: Records::new(records, self.ring.clone(), worker),
            slices,
            house: house.clone(),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// True when it was empty; else it must have this length.
fn grow(file: &File, len: usize) -> Result<bool> {
    let size = file.metadata().map_err(|_| Error::System)?.len();
    if size == 0 {
        file.set_len(len as u64).map_err(|_| Error::System)?;
        return Ok(true);
    }
    if size == len as u64 {
        Ok(false)
    } else {
        Err(Error::Record)
    }
}

/// Which boot of the machine this is; zeros: unknown.
pub(super) fn boot_id() -> [u64; 2] {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let number = |part: Option<&str>| u64::from_str_radix(part.unwrap_or_default(), 16);
    match (number(digits.get(..16)), number(digits.get(16..32))) {
        (Ok(a), Ok(b)) => [a, b],
        _ => [0; 2],
    }
}

/// Octets of an entry: fingerprint, and two floors with 16 bits of check in each of the other words.
const ENTRY: usize = 3;

/// The remembered keys of one shard of the key memory, in the file.
struct Mirror {
    house: Arc<House>,
    shard: usize,
    entries: usize,
}

const TOP: u32 = (1 << 24) - 1;

fn pack(print: u64, [a, b]: [u32; 2]) -> u64 {
    let value = u64::from(a.min(TOP)) | u64::from(b.min(TOP)) << 24;
    let mut sum = (value ^ print).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    sum = (sum ^ sum >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    value | sum & !(u64::MAX >> 16)
}

fn unpack(print: u64, octets: u64) -> Option<[u32; 2]> {
    let numbers = [octets & u64::from(TOP), octets >> 24 & u64::from(TOP)];
    let numbers = numbers.map(|number| number as u32);
    let sound = pack(print, numbers) == octets;
    sound.then_some(numbers.map(|number| if number == TOP { u32::MAX } else { number }))
}

impl Mirror {
    fn words(&self, index: usize) -> &[AtomicU64] {
        let entry = self.shard * self.entries + index;
        let place = self.house.header.slice(PAGE + entry * ENTRY * 8, ENTRY);
        place.unwrap_or_default()
    }
}

impl Remembered for Mirror {
    fn set(&self, index: usize, print: Print, floors: Floors) {
        if let [key, first, second] = self.words(index) {
            let (print, [a, b, c, d]) = (print.number(), floors.0);
            key.store(0, Ordering::Release);
            first.store(pack(print, [a, b]), Ordering::Release);
            second.store(pack(print, [c, d]), Ordering::Release);
            key.store(print, Ordering::Release);
        }
    }

    fn clear(&self, index: usize) {
        if let [key, ..] = self.words(index) {
            key.store(0, Ordering::Release);
        }
    }

    fn set_oldest(&self, index: usize) {
        if let Some(word) = self.house.words().get(OLDEST + self.shard) {
            word.store(index as u64, Ordering::Release);
        }
    }

    fn oldest(&self) -> usize {
        let word = self.house.words().get(OLDEST + self.shard);
        word.map_or(0, |word| word.load(Ordering::Acquire) as usize)
    }

    fn get(&self, index: usize) -> Option<(Print, Floors)> {
        let [key, first, second] = self.words(index) else {
            return None;
        };
        let print = key.load(Ordering::Acquire);
        if print == 0 {
            return None;
        }
        let halves = [first, second].map(|word| unpack(print, word.load(Ordering::Acquire)));
        let floors = match halves {
            [Some([a, b]), Some([c, d])] => Floors([a, b, c, d]),
            // Damaged: the key is known, its COUNTs are not.
            _ => Floors::NEVER,
        };
        Some((Print::new(print), floors))
    }
}
