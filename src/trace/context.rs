//! A security context as an observer follows it: keys, and the COUNT of either direction and access.

use crate::algorithm::{CipherLane, Input, Key, MacLane, Nea, Nia, cipher, mac};
use crate::base::secret::ct_eq_mac;
use crate::base::{AccessType, Direction};
use crate::nas::{Protected, inner_type};

/// COUNTs are below this.
pub(super) const COUNT_END: u32 = 1 << 24;
/// MACs remembered of each direction, to tell a message sent again from another one under the same COUNT.
const REMEMBERED: usize = 32;

/// One direction of one access.
pub(super) struct Line {
    /// The lowest COUNT not yet used.
    pub(super) next: u32,
    seen: [(u32, [u8; 4]); REMEMBERED],
}

/// A message under a COUNT that was used before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// The same MAC: the same octets.
    Same,
    /// Another message.
    Other,
    /// Too long ago to tell.
    Forgotten,
}

impl Line {
    pub(super) const fn new(next: u32) -> Self {
        Self {
            next,
            seen: [(u32::MAX, [0; 4]); REMEMBERED],
        }
    }

    /// The smallest unused COUNT with this sequence number (TS 24.501 4.4.3.1); `None` when it would wrap.
    pub(super) fn estimate(&self, sn: u8) -> Option<u32> {
        let count = (self.next & !0xFF) | u32::from(sn);
        let count = count + if count < self.next { 0x100 } else { 0 };
        (count < COUNT_END).then_some(count)
    }

    /// A message with this COUNT was good.
    pub(super) fn accept(&mut self, count: u32, mac: [u8; 4]) {
        self.next = count + 1;
        self.seen[count as usize % REMEMBERED] = (count, mac);
    }

    /// What is known of an earlier message with this COUNT.
    pub(super) fn again(&self, count: u32, mac: [u8; 4]) -> Again {
        match self.seen[count as usize % REMEMBERED] {
            (seen, before) if seen == count && before == mac => Again::Same,
            (seen, _) if seen == count => Again::Other,
            _ => Again::Forgotten,
        }
    }
}

/// Keys and COUNTs.
pub(super) struct Context {
    /// Number of the keys that the operator gave.
    pub(super) entry: usize,
    pub(super) nia: Nia,
    pub(super) nea: Nea,
    pub(super) int: Key,
    pub(super) enc: Option<Key>,
    /// By access, then direction.
    lines: [Option<Box<[Line; 2]>>; 2],
}

impl Context {
    pub(super) fn new(entry: usize, (nia, nea): (Nia, Nea), int: Key, enc: Option<Key>) -> Self {
        Self {
            entry,
            nia,
            nea,
            int,
            enc,
            lines: [None, None],
        }
    }

    pub(super) fn line(&mut self, access: AccessType, direction: Direction) -> &mut Line {
        let pair = self.lines[access.index()]
            .get_or_insert_with(|| Box::new([Line::new(0), Line::new(0)]));
        &mut pair[direction as usize]
    }

    /// The COUNT to expect of a sequence number.
    pub(super) fn estimate(&self, access: AccessType, direction: Direction, sn: u8) -> Option<u32> {
        match &self.lines[access.index()] {
            Some(pair) => pair[direction as usize].estimate(sn),
            None => Some(u32::from(sn)),
        }
    }

    /// The lowest COUNT not yet used.
    pub(super) fn next(&self, access: AccessType, direction: Direction) -> u32 {
        let pair = self.lines[access.index()].as_ref();
        pair.map_or(0, |pair| pair[direction as usize].next)
    }

    /// What is known of an earlier message with this COUNT.
    pub(super) fn again(
        &self,
        access: AccessType,
        direction: Direction,
        count: u32,
        mac: [u8; 4],
    ) -> Again {
        let pair = self.lines[access.index()].as_ref();
        pair.map_or(Again::Forgotten, |pair| {
            pair[direction as usize].again(count, mac)
        })
    }

    /// True when the MAC is right under this context.
    pub(super) fn verifies(&self, input: Input, message: &Protected<'_>) -> bool {
        mac_is(self.nia, &self.int, input, message)
    }

    /// The inner message, if it is one; `None` when deciphering gives no plain 5GMM message.
    pub(super) fn plain(&self, input: Input, message: &Protected<'_>) -> Option<Vec<u8>> {
        let mut body = message.body().to_vec();
        if message.sht().is_ciphered() {
            self.decipher(input, &mut body)?;
        }
        readable(&body, input.direction).then_some(body)
    }

    /// Deciphers; `None` without the key.
    pub(super) fn decipher(&self, input: Input, body: &mut [u8]) -> Option<()> {
        decipher(self.nea, self.enc.as_ref()?, input, body);
        Some(())
    }
}

/// True for a plain 5GMM message of a type that this direction knows: what is not may be the result of a wrong key.
pub(super) fn readable(message: &[u8], direction: Direction) -> bool {
    inner_type(message).is_ok_and(|message_type| match direction {
        Direction::Uplink => message_type.is_uplink(),
        Direction::Downlink => message_type.is_downlink(),
    })
}

pub(super) fn mac_is(nia: Nia, key: &Key, input: Input, message: &Protected<'_>) -> bool {
    let mut lanes = [MacLane::new(key, input, message.authenticated())];
    mac(nia, &mut lanes);
    ct_eq_mac(lanes[0].mac, message.mac())
}

pub(super) fn decipher(nea: Nea, key: &Key, input: Input, data: &mut [u8]) {
    let key = key.cipher();
    cipher(nea, &mut [CipherLane { key, input, data }]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_go_up_and_never_wrap() {
        let mut line = Line::new(0);
        assert_eq!(line.estimate(0), Some(0));
        line.accept(0, [1; 4]);
        assert_eq!((line.estimate(1), line.estimate(0)), (Some(1), Some(256)));
        line.next = COUNT_END - 1;
        assert_eq!(line.estimate(255), Some(COUNT_END - 1));
        assert_eq!(line.estimate(254), None);
        line.next = COUNT_END;
        assert_eq!(line.estimate(0), None);
        assert!(line.again(0, [1; 4]) == Again::Same && line.again(0, [2; 4]) == Again::Other);
        assert!(line.again(32, [1; 4]) == Again::Forgotten);
    }
}
