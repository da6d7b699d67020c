//! Names of sessions: 64 bits that travel through C and shared memory and go stale with the session.

use crate::base::{Error, Result};

const SLOT_BITS: u32 = 28;
const GENERATION_BITS: u32 = 28;
const MASK: u64 = (1 << 28) - 1;

/// Most slots that a handle can name.
pub const MAX_SLOTS: usize = 1 << SLOT_BITS;

/// First generation of a slot. 0 is no generation, so the handle 0 is never valid (R24).
pub const FIRST_GENERATION: u32 = 1;

/// Last generation of a slot: one that used it up is retired, never wrapped, so an old handle stays stale.
pub const LAST_GENERATION: u32 = (1 << GENERATION_BITS) - 1;

/// A session of one table: worker in bits 63..56, generation in bits 55..28, slot in bits 27..0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Handle(u64);

impl Handle {
    /// Puts a handle together; the table alone decides which ones are valid.
    #[must_use]
    pub(crate) const fn new(worker: u8, generation: u32, slot: u32) -> Self {
        let generation = generation as u64 & MASK;
        Self(
            (worker as u64) << (GENERATION_BITS + SLOT_BITS)
                | generation << SLOT_BITS
                | slot as u64 & MASK,
        )
    }

    /// Takes 64 bits from outside as a handle. Whether a session has this name only a table can say.
    ///
    /// # Errors
    /// [`Error::Handle`] for generation 0, and so for the number 0.
    pub const fn from_bits(bits: u64) -> Result<Self> {
        let handle = Self(bits);
        if handle.generation() == 0 {
            Err(Error::Handle)
        } else {
            Ok(handle)
        }
    }

    /// The number that C sees; never 0.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The worker that owns the session.
    #[must_use]
    pub const fn worker(self) -> u8 {
        (self.0 >> (GENERATION_BITS + SLOT_BITS)) as u8
    }

    /// How often the slot has been used, this time included.
    #[must_use]
    pub const fn generation(self) -> u32 {
        (self.0 >> SLOT_BITS & MASK) as u32
    }

    /// Place in the table.
    #[must_use]
    pub const fn slot(self) -> u32 {
        (self.0 & MASK) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_parts_do_not_touch() {
        for worker in [0, 1, 0x80, 0xFF] {
            for generation in [FIRST_GENERATION, 2, 1 << 27, LAST_GENERATION] {
                for slot in [0, 1, 1 << 27, MAX_SLOTS as u32 - 1] {
                    let handle = Handle::new(worker, generation, slot);
                    assert_eq!(
                        (handle.worker(), handle.generation(), handle.slot()),
                        (worker, generation, slot)
                    );
                    assert_eq!(Handle::from_bits(handle.bits()), Ok(handle));
                    assert_ne!(handle.bits(), 0);
                }
            }
        }
    }

    #[test]
    fn r24_generation_0_names_nothing() {
        for bits in [0, 1, MASK, 0xFF << 56, 0xFF << 56 | MASK] {
            assert_eq!(Handle::from_bits(bits), Err(Error::Handle));
        }
        assert_eq!(
            Handle::from_bits(1 << SLOT_BITS).map(Handle::generation),
            Ok(1)
        );
    }
}
