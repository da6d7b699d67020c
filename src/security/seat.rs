//! Where the contexts of a UE sit: one in the session itself, those beside it in its side room.

use super::side::CONTEXTS;

/// Where a context sits: one octet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Seat {
    #[default]
    None,
    Main,
    Side(SideSeat),
}

/// One of the contexts of a side room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SideSeat {
    First,
    Second,
    Third,
}

impl SideSeat {
    pub(super) const ALL: [Self; CONTEXTS] = [Self::First, Self::Second, Self::Third];
}

impl From<SideSeat> for usize {
    fn from(seat: SideSeat) -> Self {
        seat as Self
    }
}

const _: () = assert!(size_of::<Seat>() == 1);
