//! The rooms as a list: for the self-test, `naslane cpu` and the README matrix.

use super::{Room, aes128, choice, clmul, known_answer, needs, sha256, snow3g, zuc};
use crate::base::{Error, Result};

/// What a row of a room's table is and how it fares here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowInfo {
    /// Name of the backend.
    pub name: &'static str,
    /// Lanes computed side by side.
    pub lanes: usize,
    /// Features of the processor that it asks for, as `NASLANE_CPU_DENY` names them.
    pub needs: &'static [&'static str],
    /// True when this processor can run it.
    pub available: bool,
    /// True when this process uses it.
    pub chosen: bool,
    /// Result of the known-answer test, run now; `None` when the row is not available.
    pub known_answer: Option<bool>,
}

/// A room and its table.
#[derive(Clone, Copy)]
pub struct RoomInfo {
    /// Name of the room.
    pub name: &'static str,
    row: fn(usize) -> Option<RowInfo>,
    chosen: fn() -> Option<usize>,
}

impl RoomInfo {
    const fn of<R: Room>() -> Self {
        Self {
            name: R::NAME,
            row: row::<R>,
            chosen: choice::chosen::<R>,
        }
    }

    /// The rows, best first. Each step runs the row's known-answer test (microseconds).
    pub fn rows(&self) -> impl Iterator<Item = RowInfo> + use<> {
        let row = self.row;
        (0..).map_while(row)
    }

    /// The place of the row in use; `None` when no row passed its known-answer test.
    #[must_use]
    pub fn chosen(&self) -> Option<usize> {
        (self.chosen)()
    }
}

fn row<R: Room>(place: usize) -> Option<RowInfo> {
    let row = R::backends().get(place)?;
    let available = (row.available)();
    Some(RowInfo {
        name: row.name,
        lanes: row.lanes,
        needs: needs::of(R::NAME, row.name).unwrap_or(&[]),
        available,
        chosen: choice::chosen::<R>() == Some(place),
        known_answer: available.then(|| known_answer(row)),
    })
}

static ROOMS: [RoomInfo; 13] = [
    RoomInfo::of::<aes128::Expand>(),
    RoomInfo::of::<aes128::Ctr>(),
    RoomInfo::of::<aes128::Cmac>(),
    RoomInfo::of::<aes128::Seal>(),
    RoomInfo::of::<aes128::Open>(),
    RoomInfo::of::<snow3g::Snow3g>(),
    RoomInfo::of::<zuc::Zuc>(),
    RoomInfo::of::<zuc::Stream>(),
    RoomInfo::of::<clmul::Uia2>(),
    RoomInfo::of::<clmul::Window>(),
    RoomInfo::of::<sha256::HmacSha256>(),
    RoomInfo::of::<sha256::HmacPair>(),
    RoomInfo::of::<sha256::Short>(),
];

/// Every room of the kernel floor.
#[must_use]
pub fn rooms() -> &'static [RoomInfo] {
    &ROOMS
}

/// Chooses the row of every room. Cheap after the first call.
///
/// # Errors
/// [`Error::SelfTest`] when some room has no row that passes its known-answer test.
pub fn start() -> Result<()> {
    if rooms().iter().all(|room| room.chosen().is_some()) {
        Ok(())
    } else {
        Err(Error::SelfTest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_available_row_passes_and_one_is_chosen() {
        start().unwrap();
        for room in rooms() {
            assert_eq!(room.rows().filter(|row| row.chosen).count(), 1);
            assert!(room.rows().last().unwrap().available, "{}", room.name);
            for row in room.rows() {
                assert_ne!(row.known_answer, Some(false), "{} {}", room.name, row.name);
                assert!(row.lanes > 0);
            }
        }
    }
}
