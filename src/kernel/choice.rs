//! Choosing a row: best first, only what the processor has, only what passes its known-answer test.
//!
//! `NASLANE_BACKEND=portable,aes_crate` (feature `std`) restricts the rows considered to those named; the
//! reference row stays as the last resort of every room.

use super::{Backend, Room, known_answer};
use core::sync::atomic::{AtomicUsize, Ordering};

/// The row chosen for a room: 0 not yet, `n + 1` row `n`, `usize::MAX` none passed.
pub struct Choice(AtomicUsize);

const NONE: usize = usize::MAX;

impl Choice {
    /// Nothing chosen yet.
    #[must_use]
    #[allow(clippy::new_without_default)] // only ever a static
    pub const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }
}

fn permitted(name: &str) -> bool {
    #[cfg(feature = "std")]
    return match std::env::var("NASLANE_BACKEND") {
        Ok(list) if !list.trim().is_empty() => list.split(',').any(|word| word.trim() == name),
        _ => true,
    };
    #[cfg(not(feature = "std"))]
    {
        let _ = name;
        true
    }
}

/// The first row that is permitted and passes; else the last row if that passes.
fn choose<R: Room>(rows: &[Backend<R>], permitted: fn(&str) -> bool) -> Option<usize> {
    rows.iter()
        .position(|row| permitted(row.name) && known_answer(row))
        .or_else(|| {
            rows.last()
                .is_some_and(known_answer)
                .then(|| rows.len() - 1)
        })
}

#[cold]
fn decide<R: Room>() -> usize {
    let mark = choose(R::backends(), permitted).map_or(NONE, |row| row + 1);
    // Relaxed: every thread decides alike, and nothing else is published with the mark.
    R::choice().0.store(mark, Ordering::Relaxed);
    mark
}

fn mark<R: Room>() -> usize {
    match R::choice().0.load(Ordering::Relaxed) {
        0 => decide::<R>(),
        mark => mark,
    }
}

pub(super) fn active<R: Room>() -> &'static Backend<R> {
    let rows = R::backends();
    let last = rows.len() - 1; // a table has at least its reference row
    &rows[(mark::<R>() - 1).min(last)]
}

/// The place of the row in use; `None` when no row passed.
pub(super) fn chosen<R: Room>() -> Option<usize> {
    match mark::<R>() {
        NONE => None,
        mark => Some(mark - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Lane, always, snow3g};

    fn lies(lane: &mut Lane<'_, [u8; 16]>) {
        (snow3g::portable::one)(lane);
        if let Some(last) = lane.data.get_mut(16) {
            *last ^= 1;
        }
    }

    fn lies_in_lanes(lanes: &mut [Lane<'_, [u8; 16]>]) {
        snow3g::portable::many(lanes);
        if lanes.len() > 18 {
            lanes[18].data[0] ^= 1;
        }
    }

    const fn row(
        name: &'static str,
        one: fn(&mut Lane<'_, [u8; 16]>),
        many: fn(&mut [Lane<'_, [u8; 16]>]),
    ) -> Backend<snow3g::Snow3g> {
        Backend {
            name,
            lanes: 1,
            available: always,
            one,
            many,
        }
    }

    const HONEST: Backend<snow3g::Snow3g> =
        row("honest", snow3g::portable::one, snow3g::portable::many);
    const BAD_ONE: Backend<snow3g::Snow3g> = row("bad_one", lies, snow3g::portable::many);
    const BAD_MANY: Backend<snow3g::Snow3g> = row("bad_many", snow3g::portable::one, lies_in_lanes);

    #[test]
    fn r40_a_row_that_fails_its_known_answer_is_refused() {
        let all = |_: &str| true;
        assert_eq!(choose(&[BAD_ONE, BAD_MANY, HONEST], all), Some(2));
        assert_eq!(choose(&[BAD_MANY, HONEST, BAD_ONE], all), Some(1));
        assert_eq!(choose(&[BAD_ONE, BAD_MANY], all), None);
    }

    #[test]
    fn a_permitted_row_is_preferred_and_the_reference_row_remains() {
        assert_eq!(
            choose(&[BAD_ONE, HONEST, HONEST], |n| n == "honest"),
            Some(1)
        );
        assert_eq!(choose(&[HONEST, HONEST], |n| n == "nothing"), Some(1));
        assert_eq!(choose(&[HONEST, BAD_ONE], |n| n == "nothing"), None);
    }
}
