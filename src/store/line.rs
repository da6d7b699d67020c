//! What a store holds for each key: who owns its COUNTs and how far they may have been used.

use super::name::{Incarnation, NodeName, SessionName};
use super::{Failure, Result};

/// First value that is no NAS COUNT (TS 24.501 4.4.3.1).
pub const COUNT_LIMIT: u32 = 1 << 24;

/// Ownership, lease and floors of one key. Of each pair the first is 3GPP access, the second non-3GPP.
///
/// 84 octets, integers big-endian:
///
/// ```text
/// 0   version (1)
/// 1   flags (1): bit 0 held, bit 1 lagging
/// 2   zero (2)
/// 4   watermarks (2 * 4)
/// 12  sent (2 * 4)
/// 20  floors (2 * 4)
/// 28  epoch (8)
/// 36  owner (16)
/// 52  incarnation of the store (16)
/// 68  session (16)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Grows with every change of owner.
    pub epoch: u64,
    /// Who owns it, or owned it last.
    pub owner: NodeName,
    /// False when the owner gave it back: watermarks and floors are exact then.
    pub held: bool,
    /// A session with this key may accept an uplink message again that was accepted before: its floors are older than
    /// the last owner's. Stays until the key is replaced.
    pub lagging: bool,
    /// Downlink COUNTs below may have been used; nobody used one at or above.
    pub watermark: [u32; 2],
    /// The COUNT below was sent, or nothing at 0: how far a UE may be behind.
    pub sent: [u32; 2],
    /// Lowest uplink COUNT to accept.
    pub floor: [u32; 2],
    /// The store in which this was written.
    pub incarnation: Incarnation,
    /// The session that the key belongs to.
    pub session: SessionName,
}

impl Line {
    /// Octets of a line.
    pub const LEN: usize = 84;
    const VERSION: u8 = 1;
    const HELD: u8 = 1;
    const LAGGING: u8 = 2;

    /// The octets.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        out[0] = Self::VERSION;
        out[1] = flag(self.held, Self::HELD) | flag(self.lagging, Self::LAGGING);
        let counts = [self.watermark, self.sent, self.floor];
        for (place, count) in out[4..28].chunks_exact_mut(4).zip(counts.as_flattened()) {
            place.copy_from_slice(&count.to_be_bytes());
        }
        out[28..36].copy_from_slice(&self.epoch.to_be_bytes());
        out[36..52].copy_from_slice(&self.owner.0);
        out[52..68].copy_from_slice(&self.incarnation.0);
        out[68..84].copy_from_slice(&self.session.0);
        out
    }

    /// The line with these octets.
    ///
    /// # Errors
    /// [`Failure::Corrupt`] for octets that [`Line::to_bytes`] does not write.
    pub fn from_bytes(octets: &[u8]) -> Result<Self> {
        let octets: &[u8; Self::LEN] = octets.try_into().map_err(|_| Failure::Corrupt)?;
        let name = |at: usize| -> [u8; 16] { std::array::from_fn(|i| octets[at + i]) };
        let count = |at: usize| u32::from_be_bytes(std::array::from_fn(|i| octets[at + i]));
        let pair = |at: usize| [count(at), count(at + 4)];
        let line = Self {
            epoch: u64::from_be_bytes(std::array::from_fn(|i| octets[28 + i])),
            owner: NodeName(name(36)),
            held: octets[1] & Self::HELD != 0,
            lagging: octets[1] & Self::LAGGING != 0,
            watermark: pair(4),
            sent: pair(12),
            floor: pair(20),
            incarnation: Incarnation(name(52)),
            session: SessionName(name(68)),
        };
        let behind = (0..2).all(|i| line.sent[i] <= line.watermark[i]);
        let counts = line.watermark.iter().chain(&line.floor);
        let exist = counts.copied().all(|count| count <= COUNT_LIMIT);
        let form = line.to_bytes() == *octets;
        if form && behind && exist && line.epoch > 0 {
            Ok(line)
        } else {
            Err(Failure::Corrupt)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line() -> impl Strategy<Value = Line> {
        let count = || 0..=COUNT_LIMIT;
        let names = any::<[[u8; 16]; 3]>();
        let flags = any::<(bool, bool)>();
        let marks = [(count(), count()), (count(), count())];
        (names, flags, marks, [count(), count()], 1..=u64::MAX).prop_map(
            |(names, (held, lagging), marks, floor, epoch)| Line {
                epoch,
                owner: NodeName(names[0]),
                held,
                lagging,
                watermark: marks.map(|(a, b)| a.max(b)),
                sent: marks.map(|(a, b)| a.min(b)),
                floor,
                incarnation: Incarnation(names[1]),
                session: SessionName(names[2]),
            },
        )
    }

    proptest! {
        #[test]
        fn a_line_comes_back_as_it_was(line in line()) {
            prop_assert_eq!(Line::from_bytes(&line.to_bytes()), Ok(line));
        }

        #[test]
        fn other_octets_are_refused_or_mean_themselves(octets in prop::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(line) = Line::from_bytes(&octets) {
                prop_assert_eq!(&line.to_bytes()[..], &octets[..]);
            }
        }

        #[test]
        fn a_changed_octet_is_refused_or_means_itself(line in line(), at in 0..Line::LEN, xor in 1..=255_u8) {
            let mut octets = line.to_bytes();
            octets[at] ^= xor;
            if let Ok(read) = Line::from_bytes(&octets) {
                prop_assert_eq!(read.to_bytes(), octets);
                prop_assert_ne!(read, line);
            }
        }
    }
}
