//! Free slots, in shards: threads that establish sessions at the same time do not meet on one lock.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Shards of a table's shared lists. 16 is twice the cores of a usual AMF pod; more only cost memory.
pub(super) const SHARDS: usize = 16;

/// The shard that this thread turns to first: threads take turns.
pub(super) fn home() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        // Relaxed: the number only spreads threads, nothing is published with it.
        static HOME: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    }
    HOME.with(|home| *home)
}

/// A shard on its own pair of cache lines, so that its lock word disturbs no other shard.
#[repr(align(128))]
struct Shard(Mutex<Vec<u32>>);

/// Slots that hold no session. A slot always returns to the shard it came from, so no list ever grows past the
/// room it was made with.
pub(super) struct FreeSlots {
    shards: Box<[Shard]>,
    per_shard: usize,
}

impl FreeSlots {
    /// All slots `0..slots` are free.
    #[cfg(test)]
    pub(super) fn new(slots: usize) -> Self {
        Self::but(slots, |_| false)
    }

    /// The slots `0..slots` are free, but for those that are `taken`.
    pub(super) fn but(slots: usize, taken: impl Fn(u32) -> bool) -> Self {
        let per_shard = slots.div_ceil(SHARDS).max(1);
        let shards = (0..SHARDS)
            .map(|shard| {
                let range = (shard * per_shard).min(slots)..((shard + 1) * per_shard).min(slots);
                // Reversed: the lowest slot is taken first, and the table is touched from its start.
                let mut free = Vec::with_capacity(range.len());
                free.extend(
                    range
                        .rev()
                        .map(|slot| slot as u32)
                        .filter(|slot| !taken(*slot)),
                );
                Shard(Mutex::new(free))
            })
            .collect();
        Self { shards, per_shard }
    }

    fn lock(shard: &Shard) -> MutexGuard<'_, Vec<u32>> {
        // A push or pop within the capacity cannot panic half-way.
        shard.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A free slot: from this thread's own shard while it has one.
    pub(super) fn take(&self) -> Option<u32> {
        let home = home();
        (0..SHARDS).find_map(|i| Self::lock(self.shards.get((home + i) % SHARDS)?).pop())
    }

    /// Gives back a slot that [`FreeSlots::take`] gave.
    pub(super) fn give_back(&self, slot: u32) {
        if let Some(shard) = self.shards.get(slot as usize / self.per_shard) {
            Self::lock(shard).push(slot);
        }
    }

    /// How many are free.
    pub(super) fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| Self::lock(shard).len())
            .sum()
    }

    /// Bytes that the lists take.
    pub(super) fn bytes(&self) -> usize {
        let lists: usize = self
            .shards
            .iter()
            .map(|shard| Self::lock(shard).capacity() * size_of::<u32>())
            .sum();
        lists + size_of_val(&*self.shards)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_is_given_once() {
        for slots in [0, 1, 15, 16, 17, 33, 1000] {
            let free = FreeSlots::new(slots);
            assert_eq!(free.len(), slots);
            let mut taken: Vec<u32> = std::iter::from_fn(|| free.take()).collect();
            taken.sort_unstable();
            assert!(taken.iter().copied().eq(0..slots as u32), "{slots}");
            let room = free.bytes();
            taken.into_iter().for_each(|slot| free.give_back(slot));
            assert_eq!((free.len(), free.bytes()), (slots, room), "no list grew");
        }
    }

    #[test]
    fn an_empty_shard_takes_from_the_others() {
        let free = FreeSlots::new(64);
        let taken = std::thread::scope(|scope| {
            let all: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| std::iter::from_fn(|| free.take()).count()))
                .collect();
            all.into_iter()
                .map(|thread| thread.join().unwrap())
                .sum::<usize>()
        });
        assert_eq!(taken, 64);
    }
}
