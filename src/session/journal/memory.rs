//! A file as words in memory that outlive the process: the only room of the sessions with `unsafe`.
//!
//! Words are atomics, so it does not matter who else has the file mapped. Whoever cuts the file short takes memory away
//! that is in use, and the process ends: the directory belongs to one engine, and a lock keeps a second one out.

use std::fs::File;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64};

use rustix::mm::{Advice, MapFlags, MsyncFlags, ProtFlags, madvise, mmap, msync, munmap};

use crate::base::{Error, Result};
use crate::security::Line;

/// What any octets are a value of, and what may be read and written through a shared reference.
pub(super) trait Plain: sealed::Plain {}

mod sealed {
    /// # Safety
    /// Consists of atomics and nothing else: any octets are a value, and no other thread or process can make one that
    /// is not.
    pub(in crate::session::journal) unsafe trait Plain {}
}

// SAFETY: an atomic integer.
unsafe impl sealed::Plain for AtomicU32 {}
// SAFETY: an atomic integer.
unsafe impl sealed::Plain for AtomicU64 {}
// SAFETY: two of them.
unsafe impl sealed::Plain for [AtomicU64; 2] {}
// SAFETY: eight atomic integers, `repr(C)`, 64 octets without padding.
unsafe impl sealed::Plain for Line {}

impl<T: sealed::Plain> Plain for T {}

/// A mapping of a file.
pub(super) struct Memory {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: all that is given out are references to atomics.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Maps the first `len` octets, which the file must have.
    ///
    /// # Errors
    /// [`Error::System`], also for a file that is shorter.
    pub(super) fn map(file: &File, len: usize) -> Result<Self> {
        let size = file.metadata().map_err(|_| Error::System)?.len();
        if len == 0 || size < len as u64 {
            return Err(Error::System);
        }
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a fresh mapping at a place that the kernel chooses touches nothing that is there.
        let start = unsafe {
            mmap(
                std::ptr::null_mut(),
                len,
                protection,
                MapFlags::SHARED,
                file,
                0,
            )
        };
        let start = NonNull::new(start.map_err(|_| Error::System)?.cast()).ok_or(Error::System)?;
        let memory = Self { start, len };
        // SAFETY: the mapping is ours, and the advice changes nothing in it. A forked child must not write here.
        let _ = unsafe { madvise(memory.start.as_ptr().cast(), len, Advice::LinuxDontFork) };
        Ok(memory)
    }

    /// `count` values from octet `offset` on.
    ///
    /// # Errors
    /// [`Error::Argument`] beyond the end or at an odd place.
    pub(super) fn slice<T: Plain>(&self, offset: usize, count: usize) -> Result<&[T]> {
        let octets = count.checked_mul(size_of::<T>()).ok_or(Error::Argument)?;
        let end = offset.checked_add(octets).ok_or(Error::Argument)?;
        if end > self.len || !offset.is_multiple_of(align_of::<T>()) {
            return Err(Error::Argument);
        }
        // SAFETY: inside the mapping, which begins at a page; `Plain` promises that its octets are values; the
        // reference lives no longer than the mapping.
        Ok(unsafe { std::slice::from_raw_parts(self.start.add(offset).cast().as_ptr(), count) })
    }

    /// Waits until it is on the disk.
    pub(super) fn sync(&self) -> Result<()> {
        // SAFETY: the mapping is ours; writing it out changes nothing in it.
        unsafe { msync(self.start.as_ptr().cast(), self.len, MsyncFlags::SYNC) }
            .map_err(|_| Error::System)
    }
}

/// Values of a mapping that was checked once: what every message reads.
pub(super) struct Slice<T: Plain> {
    start: NonNull<T>,
    count: usize,
    _memory: Arc<Memory>,
}

// SAFETY: `Plain` is atomics, which any thread may use; the mapping lives as long as this.
unsafe impl<T: Plain> Send for Slice<T> {}
// SAFETY: as above.
unsafe impl<T: Plain> Sync for Slice<T> {}

impl<T: Plain> Slice<T> {
    /// As [`Memory::slice`], for longer.
    ///
    /// # Errors
    /// As there.
    pub(super) fn new(memory: &Arc<Memory>, offset: usize, count: usize) -> Result<Self> {
        let values: &[T] = memory.slice(offset, count)?;
        Ok(Self {
            start: NonNull::from(values).cast(),
            count,
            _memory: memory.clone(),
        })
    }
}

impl<T: Plain> Clone for Slice<T> {
    fn clone(&self) -> Self {
        Self {
            start: self.start,
            count: self.count,
            _memory: Arc::clone(&self._memory),
        }
    }
}

impl<T: Plain> std::ops::Deref for Slice<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: `new` took them from `Memory::slice`, and the mapping is kept.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.count) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: mapped with this length, and no reference outlives `self`.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    #[test]
    fn what_one_mapping_stores_another_one_finds() {
        let file =
            File::from(rustix::fs::memfd_create(c"test", rustix::fs::MemfdFlags::CLOEXEC).unwrap());
        assert!(Memory::map(&file, 64).is_err(), "an empty file");
        file.set_len(8192).unwrap();
        let (a, b) = (
            Memory::map(&file, 8192).unwrap(),
            Memory::map(&file, 8192).unwrap(),
        );
        let words: &[AtomicU64] = a.slice(4096, 512).unwrap();
        words[3].store(77, Ordering::Release);
        drop(a);
        let words: &[AtomicU64] = b.slice(4096 + 24, 1).unwrap();
        assert_eq!(words[0].load(Ordering::Acquire), 77);
        b.sync().unwrap();
        assert!(b.slice::<Line>(32, 1).is_err(), "odd");
        assert!(b.slice::<AtomicU32>(8192, 1).is_err(), "beyond");
        assert!(b.slice::<Line>(usize::MAX & !63, 2).is_err());
        assert!(b.slice::<Line>(0, usize::MAX / 2).is_err());
        assert_eq!(b.slice::<Line>(0, 128).map(<[_]>::len), Ok(128));
    }
}
