//! The atomics that rings are made of: those of `core`, or loom's when its model checker runs the tests
//! (`tests/run loom`).
//!
//! Publishing and the fence of the sleep handshake have functions of their own, so that the tests can weaken one of
//! them and see the model fail.

#[cfg(not(all(loom, test)))]
pub(crate) use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
#[cfg(all(loom, test))]
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// Makes everything written before visible to whoever reads `value` with [`accept`].
#[inline]
pub(crate) fn publish(word: &AtomicU32, value: u32) {
    #[cfg(all(loom, test))]
    if sabotage::is(sabotage::Sabotage::RelaxedPublish) {
        return word.store(value, Ordering::Relaxed);
    }
    word.store(value, Ordering::Release); // pairs with Acquire in `accept`
}

/// Reads what the other side published last, and everything that it wrote before.
#[inline]
pub(crate) fn accept(word: &AtomicU32) -> u32 {
    #[cfg(all(loom, test))]
    if sabotage::is(sabotage::Sabotage::RelaxedAccept) {
        return word.load(Ordering::Relaxed);
    }
    word.load(Ordering::Acquire) // pairs with Release in `publish`
}

/// Stands between "I sleep" and the last look on the one side, and between the publishing and the look at the
/// sleeper's word on the other: in whatever order the two fences fall, one side sees the other's store.
#[inline]
pub(crate) fn handshake() {
    #[cfg(all(loom, test))]
    if sabotage::is(sabotage::Sabotage::NoFence) {
        return;
    }
    fence(Ordering::SeqCst);
}

/// One ordering made wrong on purpose, to prove that the tests would notice.
#[cfg(all(loom, test))]
pub(crate) mod sabotage {
    use std::cell::Cell;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Sabotage {
        None,
        RelaxedPublish,
        RelaxedAccept,
        NoFence,
    }

    // loom's threads are coroutines on one thread of the system.
    std::thread_local! {
        static CHOSEN: Cell<Sabotage> = const { Cell::new(Sabotage::None) };
    }

    pub(crate) fn choose(sabotage: Sabotage) {
        CHOSEN.set(sabotage);
    }

    pub(super) fn is(sabotage: Sabotage) -> bool {
        CHOSEN.get() == sabotage
    }
}
