//! NAS COUNT: a 24-bit number that only goes up (TS 24.501 4.4.3, TS 33.501 6.4.3.1).

use crate::base::{Error, Result};

/// One past the largest COUNT.
pub const LIMIT: u32 = 1 << 24;

/// A COUNT that was taken for one message. It cannot be copied, made from a number or given back: whoever holds
/// one is the only holder, and protecting a message consumes it.
#[must_use = "a COUNT that is not used is lost; that is safe, but probably not meant"]
#[derive(Debug, PartialEq, Eq)]
pub struct NasCount(u32);

impl NasCount {
    /// Overflow counter in bits 23..8, sequence number in bits 7..0.
    #[must_use]
    pub const fn value(&self) -> u32 {
        self.0
    }

    /// The sequence number that travels in octet 7 of the message.
    #[must_use]
    pub const fn sequence_number(&self) -> u8 {
        (self.0 & 0xFF) as u8
    }
}

/// The sending half of a pair: holds the value that the next message will use.
#[derive(Debug, PartialEq, Eq)]
pub struct SendCount {
    next: u32,
}

impl SendCount {
    /// Starts at 0, which only a new K_AMF permits (TS 33.501 6.4.5).
    #[must_use]
    pub const fn start() -> Self {
        Self { next: 0 }
    }

    /// Goes on where a record stopped. `next` is 0..=2^24; the latter is "used up".
    ///
    /// # Errors
    /// [`Error::Argument`] above 2^24.
    pub const fn resume(next: u32) -> Result<Self> {
        if next > LIMIT {
            Err(Error::Argument)
        } else {
            Ok(Self { next })
        }
    }

    /// Takes the next COUNT.
    ///
    /// # Errors
    /// [`Error::CountExhausted`] for ever once 2^24 - 1 was taken.
    pub const fn take(&mut self) -> Result<NasCount> {
        if self.next >= LIMIT {
            return Err(Error::CountExhausted);
        }
        let count = NasCount(self.next);
        self.next += 1;
        Ok(count)
    }

    /// Takes the next COUNT of a context with null integrity, which has no key that could be used twice and may
    /// wrap (TS 24.501 4.4.3.5).
    pub const fn take_null_integrity(&mut self) -> NasCount {
        let count = NasCount(self.next % LIMIT);
        self.next = (self.next + 1) % LIMIT;
        count
    }

    /// What [`SendCount::next`] will be once the next COUNT is taken; `wraps`: as a null-integrity one.
    ///
    /// # Errors
    /// [`Error::CountExhausted`].
    pub(in crate::security) const fn after(&self, wraps: bool) -> Result<u32> {
        if wraps {
            Ok((self.next + 1) % LIMIT)
        } else if self.next >= LIMIT {
            Err(Error::CountExhausted)
        } else {
            Ok(self.next + 1)
        }
    }

    /// The value that the next message will use; 2^24 when used up.
    #[must_use]
    pub const fn next(&self) -> u32 {
        self.next
    }
}

/// How far behind the newest accepted COUNT a late message may be accepted, if at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutOfOrder {
    /// Every accepted COUNT is higher than all before it. The default, and what TS 24.501 4.4.3.1 prescribes.
    #[default]
    Refused,
    /// A COUNT up to this many (1..=64) below the newest is accepted once.
    Window(u8),
}

impl OutOfOrder {
    /// 0 = refused, 1..=64 = window.
    ///
    /// # Errors
    /// [`Error::Argument`] above 64.
    pub const fn from_width(width: u8) -> Result<Self> {
        match width {
            0 => Ok(Self::Refused),
            1..=64 => Ok(Self::Window(width)),
            _ => Err(Error::Argument),
        }
    }

    const fn width(self) -> u32 {
        match self {
            Self::Refused => 0,
            Self::Window(width) => width as u32,
        }
    }
}

/// 64 bits in two words: eight-octet alignment would pad a context by 16 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window([u32; 2]);

impl Window {
    const fn of(bits: u64) -> Self {
        Self([(bits >> 32) as u32, bits as u32])
    }

    const fn bits(self) -> u64 {
        (self.0[0] as u64) << 32 | self.0[1] as u64
    }
}

/// The receiving half of a pair: everything below `next_min` was accepted or is lost, but for the window.
#[derive(Debug, PartialEq, Eq)]
pub struct ReceiveCount {
    next_min: u32,
    /// Bit i: COUNT `next_min - 1 - i` was accepted.
    seen: Window,
}

/// Where a sequence number may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// The smallest COUNT at or above the lowest acceptable one; `None` beyond 2^24 - 1.
    pub forward: Option<u32>,
    /// The largest COUNT below it with the same sequence number.
    pub behind: Option<Behind>,
}

/// A COUNT below the lowest acceptable one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// Accepted before, or too old to tell: to verify under it means replay.
    Used(u32),
    /// Inside the window and not accepted yet.
    Late(u32),
}

impl ReceiveCount {
    /// Nothing accepted yet.
    #[must_use]
    pub const fn start() -> Self {
        Self {
            next_min: 0,
            seen: Window::of(0),
        }
    }

    /// Goes on where a record stopped: `next_min` is the highest accepted COUNT + 1, or 0 with nothing accepted;
    /// bit i of `seen` says that `next_min - 1 - i` was accepted.
    ///
    /// # Errors
    /// [`Error::Argument`] when `next_min` is above 2^24 or `seen` has bits for COUNTs below 0.
    pub const fn resume(next_min: u32, seen: u64) -> Result<Self> {
        if next_min > LIMIT || (next_min < 64 && seen >> next_min != 0) {
            return Err(Error::Argument);
        }
        Ok(Self {
            next_min,
            seen: Window::of(seen),
        })
    }

    /// The lowest COUNT that strict order accepts: highest accepted + 1, or 0.
    #[must_use]
    pub const fn next_min(&self) -> u32 {
        self.next_min
    }

    /// The window's memory, for the record of a session.
    #[must_use]
    pub const fn seen(&self) -> u64 {
        self.seen.bits()
    }

    /// The COUNTs that this sequence number may stand for.
    #[must_use]
    pub const fn estimate(&self, sn: u8, order: OutOfOrder) -> Estimate {
        let low = self.next_min & 0xFF;
        let ahead = (sn as u32).wrapping_sub(low) & 0xFF;
        let forward = self.next_min + ahead;
        let behind = if forward >= 256 {
            let count = forward - 256;
            let age = self.next_min - 1 - count; // 0 = the newest accepted
            if age < order.width() && self.seen.bits() >> age & 1 == 0 {
                Some(Behind::Late(count))
            } else {
                Some(Behind::Used(count))
            }
        } else {
            None
        };
        Estimate {
            forward: if forward < LIMIT { Some(forward) } else { None },
            behind,
        }
    }

    /// Marks a COUNT as accepted. Only for a message whose MAC verified under exactly this COUNT.
    ///
    /// # Errors
    /// [`Error::Replay`] when it was accepted before or has left the window; nothing changes then.
    pub(in crate::security) const fn accept(
        &mut self,
        count: u32,
        order: OutOfOrder,
    ) -> Result<()> {
        if count >= LIMIT {
            return Err(Error::CountExhausted);
        }
        if count >= self.next_min {
            let step = count - self.next_min + 1;
            self.seen = Window::of(if step >= 64 {
                1
            } else {
                self.seen.bits() << step | 1
            });
            self.next_min = count + 1;
            return Ok(());
        }
        let age = self.next_min - 1 - count;
        if age >= order.width() || self.seen.bits() >> age & 1 == 1 {
            return Err(Error::Replay);
        }
        self.seen = Window::of(self.seen.bits() | 1 << age);
        Ok(())
    }

    /// No COUNT below the lowest to accept is late any more: each counts as accepted.
    pub(in crate::security) const fn close_window(&mut self) {
        let known = if self.next_min >= 64 {
            u64::MAX
        } else {
            (1 << self.next_min) - 1
        };
        self.seen = Window::of(known);
    }

    /// Follows the sequence numbers of a peer with null integrity: no replay check, wrap allowed
    /// (TS 24.501 4.4.3.2, 4.4.3.5).
    pub(in crate::security) const fn follow_null_integrity(&mut self, sn: u8) -> u32 {
        let base = if self.next_min >= LIMIT {
            0
        } else {
            self.next_min
        };
        let count = (base + ((sn as u32).wrapping_sub(base) & 0xFF)) % LIMIT;
        self.next_min = count + 1;
        self.seen = Window::of(0);
        count
    }
}

/// The two COUNTs of one context over one access.
#[derive(Debug, PartialEq, Eq)]
pub struct Pair {
    /// What this side sends.
    pub send: SendCount,
    /// What this side accepted.
    pub receive: ReceiveCount,
}

impl Pair {
    /// Both at the start, as only a new K_AMF permits.
    #[must_use]
    pub const fn start() -> Self {
        Self {
            send: SendCount::start(),
            receive: ReceiveCount::start(),
        }
    }
}

/// How close a COUNT is to its end (TS 24.501 4.4.3.5 gives no numbers).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum NearWrap {
    /// Far.
    #[default]
    No = 0,
    /// Past the first threshold: plan a new authentication.
    Warning = 1,
    /// Past the second: authenticate now.
    Urgent = 2,
}

/// From which COUNT on a message carries a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// First COUNT with [`NearWrap::Warning`]. Default 2^24 - 2^16.
    pub warning: u32,
    /// First COUNT with [`NearWrap::Urgent`]. Default 2^24 - 2^10.
    pub urgent: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            warning: LIMIT - (1 << 16),
            urgent: LIMIT - (1 << 10),
        }
    }
}

impl Thresholds {
    /// Where `count` stands.
    #[must_use]
    pub const fn level(&self, count: u32) -> NearWrap {
        if count >= self.urgent {
            NearWrap::Urgent
        } else if count >= self.warning {
            NearWrap::Warning
        } else {
            NearWrap::No
        }
    }

    /// Where `count` stands: with null integrity (`null`) nowhere, because it begins anew after its end.
    #[must_use]
    pub(super) const fn level_of(&self, null: bool, count: u32) -> NearWrap {
        if null {
            NearWrap::No
        } else {
            self.level(count)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: OutOfOrder = OutOfOrder::Refused;

    #[test]
    fn r07_count_wrap_is_refused() {
        let mut send = SendCount::resume(LIMIT - 1).unwrap();
        assert_eq!(send.take().unwrap().value(), 0xFF_FFFF);
        for _ in 0..3 {
            assert_eq!(send.take(), Err(Error::CountExhausted));
        }
        assert!(SendCount::resume(LIMIT + 1).is_err());
    }

    #[test]
    fn r06_the_overflow_carries() {
        let mut send = SendCount::start();
        for expected in 0..70_000 {
            let count = send.take().unwrap();
            assert_eq!(count.value(), expected);
            assert_eq!(u32::from(count.sequence_number()), expected % 256);
        }
    }

    #[test]
    fn r03_count_0_is_accepted_once() {
        let mut receive = ReceiveCount::start();
        assert_eq!(
            receive.estimate(0, STRICT),
            Estimate {
                forward: Some(0),
                behind: None
            }
        );
        receive.accept(0, STRICT).unwrap();
        let again = receive.estimate(0, STRICT);
        assert_eq!(
            again,
            Estimate {
                forward: Some(256),
                behind: Some(Behind::Used(0))
            }
        );
        assert_eq!(receive.accept(0, STRICT), Err(Error::Replay));
    }

    #[test]
    fn r08_an_estimate_past_the_limit_does_not_become_small() {
        let receive = ReceiveCount::resume(LIMIT - 3, 0).unwrap();
        assert_eq!(receive.estimate(0xFD, STRICT).forward, Some(LIMIT - 3));
        assert_eq!(receive.estimate(0x00, STRICT).forward, None);
        assert_eq!(
            ReceiveCount::resume(LIMIT, 1)
                .unwrap()
                .estimate(0xFF, STRICT)
                .forward,
            None
        );
    }

    #[test]
    fn a_jump_of_255_is_recovered() {
        for jump in 0..=255_u32 {
            let mut receive = ReceiveCount::start();
            receive.accept(1000, STRICT).unwrap();
            let sent = 1001 + jump;
            assert_eq!(
                receive.estimate((sent & 0xFF) as u8, STRICT).forward,
                Some(sent)
            );
        }
    }

    #[test]
    fn the_window_accepts_each_late_count_once() {
        let order = OutOfOrder::from_width(8).unwrap();
        let mut receive = ReceiveCount::start();
        receive.accept(20, order).unwrap();
        for late in 13..20 {
            let sn = late as u8;
            assert_eq!(receive.estimate(sn, order).behind, Some(Behind::Late(late)));
            receive.accept(late, order).unwrap();
            assert_eq!(receive.estimate(sn, order).behind, Some(Behind::Used(late)));
            assert_eq!(receive.accept(late, order), Err(Error::Replay));
        }
        assert_eq!(
            receive.accept(12, order),
            Err(Error::Replay),
            "outside the window"
        );
        assert_eq!(receive.estimate(12, order).behind, Some(Behind::Used(12)));
        assert!(OutOfOrder::from_width(65).is_err());
    }

    #[test]
    fn thresholds() {
        let thresholds = Thresholds::default();
        assert_eq!(thresholds.level(LIMIT - 65_537), NearWrap::No);
        assert_eq!(thresholds.level(LIMIT - 65_536), NearWrap::Warning);
        assert_eq!(thresholds.level(LIMIT - 1024), NearWrap::Urgent);
    }
}
