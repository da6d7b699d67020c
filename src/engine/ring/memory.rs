//! Where a ring pair lies: the words and the slots, seen through a pointer.

use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::base::sync::{AtomicU32, AtomicU64, Ordering};
use crate::base::{Error, Result};
use crate::engine::job::Job;

use super::{ALIGN, ClientEnd, ENTRIES, HEADER, Keep, SLOT, WorkerEnd, bytes};

/// A word with two cache lines of its own. Not crossbeam's `CachePadded`: its size is another on other processors, and
/// this one is part of what two processes agree on.
#[repr(C, align(128))]
#[derive(Default)]
pub(super) struct Alone(pub(super) AtomicU32);

#[repr(C)]
#[derive(Default)]
pub(super) struct Words {
    pub(super) submit_tail: Alone,
    pub(super) submit_head: Alone,
    pub(super) complete_tail: Alone,
    pub(super) complete_head: Alone,
    pub(super) worker_asleep: Alone,
    pub(super) client_asleep: Alone,
    pub(super) state: Alone,
    _reserved: Alone,
}

#[cfg(not(all(loom, test)))]
const _: () = {
    assert!(size_of::<Words>() == HEADER && align_of::<Words>() == ALIGN);
    assert!(std::mem::offset_of!(Words, complete_tail) == 256);
    assert!(std::mem::offset_of!(Words, worker_asleep) == 512);
    assert!(std::mem::offset_of!(Words, state) == 768);
    assert!(size_of::<Slot>() == SLOT && SLOT == size_of::<Job>());
};

/// Words of a slot that are copied. The model checker looks at every one of them: three, so that a job that was
/// torn apart shows.
const SLOT_WORDS: usize = if cfg!(all(loom, test)) { 3 } else { 8 };

/// Slots that are sent on their way.
const FEW: u32 = 4;

/// A job in memory that the other side may write at any time: atomic words, so that such a write is a wrong value
/// and nothing worse.
#[derive(Default)]
pub(super) struct Slot([AtomicU64; SLOT_WORDS]);

impl Slot {
    #[inline]
    pub(super) fn store(&self, job: &Job) {
        // SAFETY: a job is 64 octets of integers without padding, as its room asserts.
        let words: [u64; 8] = unsafe { std::mem::transmute_copy(job) };
        for (place, word) in self.0.iter().zip(words) {
            place.store(word, Ordering::Relaxed); // the tail that follows is the publication
        }
    }

    #[inline]
    pub(super) fn load(&self) -> Job {
        let mut words = [0_u64; 8];
        for (word, place) in words.iter_mut().zip(&self.0) {
            *word = place.load(Ordering::Relaxed); // the tail was read with Acquire
        }
        // SAFETY: a job is 64 octets of integers: every pattern is a job.
        unsafe { std::mem::transmute(words) }
    }
}

/// A ring pair as both ends see it.
#[derive(Clone)]
pub(super) struct View {
    words: NonNull<Words>,
    submission: NonNull<Slot>,
    completion: NonNull<Slot>,
    pub(super) entries: u32,
    _keep: Keep,
}

// SAFETY: behind the pointers are only atomics, and `_keep` keeps them in place.
unsafe impl Send for View {}
// SAFETY: as above.
unsafe impl Sync for View {}

impl View {
    /// # Errors
    /// [`Error::Argument`]: `entries` is no power of two within [`ENTRIES`], or the memory is too short or
    /// misaligned.
    ///
    /// # Safety
    /// The `len` octets at `start` can be read and written for as long as `keep` lives, and everybody who uses them
    /// meanwhile does so through ring ends or atomics, or is another process.
    #[cfg(not(all(loom, test)))]
    pub(super) unsafe fn attach(
        start: NonNull<u8>,
        len: usize,
        entries: u32,
        keep: Keep,
    ) -> Result<Self> {
        if !entries.is_power_of_two()
            || !ENTRIES.contains(&entries)
            || len < bytes(entries)
            || !start.addr().get().is_multiple_of(ALIGN)
        {
            return Err(Error::Argument);
        }
        // SAFETY: both lie within the `len` octets, as was checked.
        let (submission, completion) = unsafe {
            (
                start.add(HEADER),
                start.add(HEADER + SLOT * entries as usize),
            )
        };
        Ok(Self {
            words: start.cast(),
            submission: submission.cast(),
            completion: completion.cast(),
            entries,
            _keep: keep,
        })
    }

    #[inline]
    pub(super) const fn words(&self) -> &Words {
        // SAFETY: `attach` was promised memory that lives as long as `self`.
        unsafe { self.words.as_ref() }
    }

    #[inline]
    pub(super) const fn submission(&self, index: u32) -> &Slot {
        // SAFETY: the masked index is below `entries`, for which `attach` found room.
        unsafe {
            self.submission
                .add((index & (self.entries - 1)) as usize)
                .as_ref()
        }
    }

    #[inline]
    pub(super) const fn completion(&self, index: u32) -> &Slot {
        // SAFETY: as `submission`.
        unsafe {
            self.completion
                .add((index & (self.entries - 1)) as usize)
                .as_ref()
        }
    }
}

impl View {
    /// Asks for a submission slot that will be read soon.
    #[inline]
    pub(super) fn will_take(&self, index: u32) {
        crate::base::cpu::prefetch(self.submission(index));
    }

    /// Asks for a submission slot that will be written soon.
    #[inline]
    pub(super) fn will_submit(&self, index: u32) {
        crate::base::cpu::prefetch_write(self.submission(index));
    }

    /// Sends the submission slots on their way that were written last, if they are few: a job that comes alone, back and
    /// forth, takes 345 ns so and 395 without (the same two processors of Sapphire Rapids, medians of 15). Of many, the
    /// reader has asked for the next while it works on the first, and nothing was gained by it.
    #[inline]
    pub(super) fn send_submissions(&self, slots: Range<u32>) {
        self.send(slots, Self::submission);
    }

    /// As [`View::send_submissions`], of completion slots.
    #[inline]
    pub(super) fn send_completions(&self, slots: Range<u32>) {
        self.send(slots, Self::completion);
    }

    #[inline]
    fn send(&self, slots: Range<u32>, slot: fn(&Self, u32) -> &Slot) {
        let count = slots.end.wrapping_sub(slots.start);
        if count <= FEW {
            for index in 0..count {
                crate::base::cpu::send_off(slot(self, slots.start.wrapping_add(index)));
            }
        }
    }

    /// Asks for a completion slot that will be written soon.
    #[inline]
    pub(super) fn will_complete(&self, index: u32) {
        crate::base::cpu::prefetch_write(self.completion(index));
    }
}

/// Zeroed memory of this process, in whole words of 8 octets.
#[cfg(not(all(loom, test)))]
pub(super) struct Allocation {
    pub(super) start: NonNull<u8>,
    layout: std::alloc::Layout,
}

#[cfg(not(all(loom, test)))]
// SAFETY: nothing but the address; who reads or writes behind it answers for it.
unsafe impl Send for Allocation {}
#[cfg(not(all(loom, test)))]
// SAFETY: as above.
unsafe impl Sync for Allocation {}

#[cfg(not(all(loom, test)))]
impl Allocation {
    pub(super) fn new(len: usize) -> Result<Arc<Self>> {
        if len == 0 {
            return Err(Error::Argument);
        }
        let layout =
            std::alloc::Layout::from_size_align(len, ALIGN).map_err(|_| Error::Argument)?;
        // SAFETY: the layout is not empty.
        let start = NonNull::new(unsafe { std::alloc::alloc_zeroed(layout) });
        let start = start.ok_or(Error::System)?;
        Ok(Arc::new(Self { start, layout }))
    }
}

#[cfg(not(all(loom, test)))]
impl Drop for Allocation {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, and nobody has the address any more.
        unsafe { std::alloc::dealloc(self.start.as_ptr(), self.layout) };
    }
}

#[cfg(not(all(loom, test)))]
fn view(entries: u32) -> Result<View> {
    if !ENTRIES.contains(&entries) {
        return Err(Error::Argument);
    }
    let memory = Allocation::new(bytes(entries))?;
    // SAFETY: fresh, zeroed memory that the view keeps, and nobody else knows.
    unsafe { View::attach(memory.start, bytes(entries), entries, memory) }
}

/// loom's atomics are objects, not words: the same view over a structure of them.
#[cfg(all(loom, test))]
fn view(entries: u32) -> Result<View> {
    let _ = (ALIGN, HEADER, SLOT, bytes(entries), Error::Argument);
    if !entries.is_power_of_two() || !ENTRIES.contains(&entries) {
        return Err(Error::Argument);
    }
    let slots = || {
        (0..entries)
            .map(|_| Slot::default())
            .collect::<Box<[Slot]>>()
    };
    let memory = Arc::new((Words::default(), slots(), slots()));
    Ok(View {
        words: NonNull::from(&memory.0),
        submission: NonNull::from(&*memory.1).cast(),
        completion: NonNull::from(&*memory.2).cast(),
        entries,
        _keep: memory,
    })
}

/// Both ends of a ring pair in memory of this process.
///
/// # Errors
/// [`Error::Argument`] unless `entries` is a power of two within [`ENTRIES`]; [`Error::System`] without memory.
pub fn pair(entries: u32) -> Result<(ClientEnd, WorkerEnd)> {
    let view = view(entries)?;
    Ok((ClientEnd::new(view.clone()), WorkerEnd::new(view)))
}
