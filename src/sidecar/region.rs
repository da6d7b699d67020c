//! The memory that daemon and client share: one region for each queue, made, sized and sealed by the daemon.
//!
//! ```text
//! offset 0                ring pair of worker 0 (`engine::ring`)
//!        bytes(entries)   ring pair of worker 1, and so on
//!        arena_offset     the arena, from the next page on
//! ```
//! The seals keep its size: neither side can cut off memory that the other one has mapped. The only room of the
//! sidecar with `unsafe` beside `events/io_uring`.

use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;

use rustix::fs::{
    MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, fstat, ftruncate, memfd_create,
};
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, munmap};

use crate::base::{Error, Result};
use crate::engine::ring::{self, ClientEnd, Payload, WorkerEnd};

/// Where the arena begins is a multiple of this.
const PAGE: usize = 4096;

/// Most ring pairs of a queue: their doorbells go along with one message, which takes 253 file descriptors.
pub const MAX_WORKERS: u32 = 128;

/// Most octets of an arena.
pub const MAX_ARENA: u32 = 1 << 30;

const SEALS: SealFlags = SealFlags::SHRINK
    .union(SealFlags::GROW)
    .union(SealFlags::SEAL);

/// Sizes of the parts of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    workers: u32,
    entries: u32,
    arena: u32,
}

impl Layout {
    /// `entries` in each ring of `workers` pairs and `arena` octets, rounded up to whole words.
    ///
    /// # Errors
    /// [`Error::Argument`] for a number outside its bounds: 1..=128 workers, a power of two of 8..=4096 entries,
    /// 1..=2^30 octets.
    pub fn new(workers: u32, entries: u32, arena: u32) -> Result<Self> {
        let sane = (1..=MAX_WORKERS).contains(&workers)
            && ring::ENTRIES.contains(&entries)
            && entries.is_power_of_two()
            && (1..=MAX_ARENA).contains(&arena);
        if !sane {
            return Err(Error::Argument);
        }
        Ok(Self {
            workers,
            entries,
            arena: arena.next_multiple_of(8),
        })
    }

    /// Entries of each ring.
    #[must_use]
    pub const fn entries(&self) -> u32 {
        self.entries
    }

    /// Octets of the arena.
    #[must_use]
    pub const fn arena(&self) -> u32 {
        self.arena
    }

    /// Ring pairs.
    #[must_use]
    pub const fn workers(&self) -> u32 {
        self.workers
    }

    const fn arena_offset(&self) -> usize {
        (self.workers as usize * ring::bytes(self.entries)).next_multiple_of(PAGE)
    }

    /// Octets of the whole region.
    #[must_use]
    pub const fn len(&self) -> usize {
        (self.arena_offset() + self.arena as usize).next_multiple_of(PAGE)
    }

    /// Never: a region has octets.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }
}

/// A mapping of this process; unmapped with the last ring end or payload in it.
struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: nothing but an address; who reads or writes behind it answers for it.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn of(memory: &OwnedFd, len: usize) -> Result<Arc<Self>> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a fresh mapping at a place that the kernel chooses touches nothing that is there.
        let start = unsafe {
            mmap(
                std::ptr::null_mut(),
                len,
                protection,
                MapFlags::SHARED,
                memory,
                0,
            )
        };
        let start = start.map_err(|_| Error::System)?;
        let start = NonNull::new(start.cast()).ok_or(Error::System)?;
        let mapping = Arc::new(Self { start, len });
        for advice in [Advice::LinuxDontDump, Advice::LinuxDontFork] {
            // SAFETY: the mapping is ours, and neither advice changes what it holds for this process. Messages before
            // ciphering lie here: not into core dumps, not into children. A kernel that cannot, does not.
            let _ = unsafe { madvise(mapping.start.as_ptr().cast(), len, advice) };
        }
        Ok(mapping)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped with this length, and nobody has the address any more.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// The ends of a region that one side uses, and its view of the arena.
pub struct Ends<End> {
    /// One end for each worker, in their order.
    pub rings: Vec<End>,
    /// The arena.
    pub arena: Payload,
}

impl<End> fmt::Debug for Ends<End> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ends {{ {} rings, {:?} }}", self.rings.len(), self.arena)
    }
}

/// Daemon: makes a region, all zero. The descriptor is for the client.
///
/// # Errors
/// [`Error::System`] without memory or descriptors.
pub fn create(layout: &Layout) -> Result<(OwnedFd, Ends<WorkerEnd>)> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let memory = memfd_create(c"naslane-queue", flags).map_err(|_| Error::System)?;
    ftruncate(&memory, layout.len() as u64).map_err(|_| Error::System)?;
    fcntl_add_seals(&memory, SEALS).map_err(|_| Error::System)?;
    let mapping = Mapping::of(&memory, layout.len())?;
    let ends = attach(&mapping, layout, |start, len, entries, keep| {
        // SAFETY: `attach` hands out parts of the mapping that do not touch, each once; the client is another
        // process, or sees another mapping.
        unsafe { WorkerEnd::attach(start, len, entries, keep) }
    })?;
    Ok((memory, ends))
}

/// Client: maps a region that the daemon made.
///
/// # Errors
/// [`Error::Argument`] when it lacks a seal or has another size than the layout says; [`Error::System`].
pub fn open(memory: &OwnedFd, layout: &Layout) -> Result<Ends<ClientEnd>> {
    let seals = fcntl_get_seals(memory).map_err(|_| Error::Argument)?;
    let size = fstat(memory.as_fd()).map_err(|_| Error::System)?.st_size;
    if !seals.contains(SEALS) || usize::try_from(size) != Ok(layout.len()) {
        return Err(Error::Argument);
    }
    let mapping = Mapping::of(memory, layout.len())?;
    attach(&mapping, layout, |start, len, entries, keep| {
        // SAFETY: as in `create`; the worker's ends are in the daemon.
        unsafe { ClientEnd::attach(start, len, entries, keep) }
    })
}

fn attach<End>(
    mapping: &Arc<Mapping>,
    layout: &Layout,
    end: impl Fn(NonNull<u8>, usize, u32, ring::Keep) -> Result<End>,
) -> Result<Ends<End>> {
    let octets = ring::bytes(layout.entries);
    let rings = (0..layout.workers as usize).map(|worker| {
        // SAFETY: `Layout::len` counts the ring pairs of all workers, and the mapping has this length.
        let start = unsafe { mapping.start.add(worker * octets) };
        end(start, octets, layout.entries, mapping.clone())
    });
    let rings = rings.collect::<Result<Vec<_>>>()?;
    // SAFETY: the arena lies behind the rings, within the mapping, which `keep` keeps; the offset is a page's and the
    // length whole words.
    let arena = unsafe {
        let start = mapping.start.add(layout.arena_offset());
        Payload::attach(start, layout.arena as usize, mapping.clone())
    }?;
    Ok(Ends { rings, arena })
}

/// What [`close_to_others`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Advised {
    /// Octets that are left out of core dumps.
    pub not_dumped: u64,
    /// Octets that a child would find as zeros.
    pub wiped_on_fork: u64,
}

/// Keeps this process's private writable memory out of core dumps and out of children. Changes nothing for the
/// process itself. Stacks are left alone: a child would not get far enough to say why it failed.
#[must_use]
pub fn close_to_others(maps: &str) -> Advised {
    let mut advised = Advised::default();
    for (start, len) in maps.lines().filter_map(private_memory) {
        let advise = |advice| {
            // SAFETY: neither advice changes what this process finds in its memory; a range that is gone meanwhile is
            // an error of the call.
            unsafe { madvise(std::ptr::without_provenance_mut(start), len, advice) }.is_ok()
        };
        if advise(Advice::LinuxDontDump) {
            advised.not_dumped += len as u64;
        }
        if advise(Advice::LinuxWipeOnFork) {
            advised.wiped_on_fork += len as u64;
        }
    }
    advised
}

/// Start and length of a line of /proc/self/maps that is anonymous, private and writable.
fn private_memory(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_ascii_whitespace();
    let (range, rights) = (words.next()?, words.next()?);
    let (inode, name) = (words.nth(2)?, words.next().unwrap_or_default());
    if !rights.starts_with("rw") || !rights.ends_with('p') || inode != "0" {
        return None;
    }
    if !matches!(name, "" | "[heap]") && !name.starts_with("[anon") {
        return None;
    }
    let (start, end) = range.split_once('-')?;
    let (start, end) = (
        usize::from_str_radix(start, 16).ok()?,
        usize::from_str_radix(end, 16).ok()?,
    );
    Some((start, end.checked_sub(start)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Job;

    #[test]
    fn two_mappings_are_one_queue() {
        let layout = Layout::new(2, 8, 100).unwrap();
        assert_eq!((layout.arena(), layout.len() % PAGE), (104, 0));
        let (memory, mut worker) = create(&layout).unwrap();
        let mut client = open(&memory, &layout).unwrap();
        assert_eq!((client.rings.len(), client.arena.len()), (2, 104));
        let job = Job {
            user_data: 77,
            ..Job::default()
        };
        let (taken, _) = client.rings[1].submit(&[job, job]);
        assert_eq!(taken, 2);
        let mut jobs = [Job::default(); 4];
        assert_eq!(worker.rings[0].take(&mut jobs), Ok(0));
        assert_eq!(worker.rings[1].take(&mut jobs), Ok(2));
        assert_eq!(jobs[1], job);
        let _ = worker.rings[1].publish(&jobs[..2]);
        assert_eq!(client.rings[1].reap(&mut jobs), 2);
        client.arena.write(99, b"abcde").unwrap();
        let mut octets = [0; 5];
        worker.arena.read(99, &mut octets).unwrap();
        assert_eq!(&octets, b"abcde");
        assert_eq!(client.arena.write(100, b"abcde"), Err(Error::OutOfRange));
    }

    #[test]
    fn a_region_keeps_its_size_and_its_seals() {
        let layout = Layout::new(1, 8, 4096).unwrap();
        let (memory, _ends) = create(&layout).unwrap();
        assert!(ftruncate(&memory, 0).is_err() && ftruncate(&memory, 1 << 20).is_err());
        assert!(fcntl_add_seals(&memory, SealFlags::WRITE).is_err());
        let other = Layout::new(1, 64, 4096).unwrap();
        assert_eq!(open(&memory, &other).err(), Some(Error::Argument));
        let bare = memfd_create(c"bare", MemfdFlags::ALLOW_SEALING).unwrap();
        ftruncate(&bare, layout.len() as u64).unwrap();
        assert_eq!(open(&bare, &layout).err(), Some(Error::Argument));
        fcntl_add_seals(&bare, SealFlags::SHRINK | SealFlags::SEAL).unwrap();
        assert_eq!(open(&bare, &layout).err(), Some(Error::Argument));
    }

    #[test]
    fn layouts_have_bounds() {
        for (workers, entries, arena) in [
            (0, 8, 64),
            (129, 8, 64),
            (1, 7, 64),
            (1, 12, 64),
            (1, 8192, 64),
            (1, 8, 0),
            (1, 8, MAX_ARENA + 1),
        ] {
            assert_eq!(Layout::new(workers, entries, arena), Err(Error::Argument));
        }
        let largest = Layout::new(MAX_WORKERS, 4096, MAX_ARENA).unwrap();
        assert!(u32::try_from(largest.len()).is_ok());
    }

    #[test]
    fn only_private_memory_is_advised() {
        for (line, found) in [
            ("1000-3000 rw-p 00000000 00:00 0 ", Some((0x1000, 0x2000))),
            (
                "1000-3000 rw-p 00000000 00:00 0  [heap]",
                Some((0x1000, 0x2000)),
            ),
            ("1000-3000 rw-p 00000000 00:00 0  [stack]", None),
            ("1000-3000 r--p 00000000 00:00 0 ", None),
            ("1000-3000 rw-s 00000000 00:01 7  /memfd:x", None),
            ("1000-3000 rw-p 00000000 08:01 7  /lib/x", None),
            ("nonsense", None),
        ] {
            assert_eq!(private_memory(line), found, "{line}");
        }
    }
}
