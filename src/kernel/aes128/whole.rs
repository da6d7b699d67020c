//! What the rows of whole messages see of a lane, and rows made of those of either algorithm.

use super::super::Lane;
use super::message::{OpenLane, SealLane};
use super::{CmacLane, Key, Schedule};
use crate::base::secret::ct_eq_mac;
use arrayvec::ArrayVec;
use core::ops::Range;

/// What both have in common, for the rows.
pub(super) trait Whole {
    /// The lane asks for decryption.
    const OPENS: bool;
    #[cfg(target_arch = "x86_64")]
    fn enc(&self) -> &Schedule;
    /// For counter mode alone; no bytes where the MAC has turned out wrong.
    fn cipher_lane(&mut self) -> Lane<'_, Schedule>;
    fn int(&self) -> &Key;
    fn head(&self) -> [u8; 8];
    fn text(&self) -> &[u8];
    /// Of a regular message, where the ciphered bytes go: as many as there are behind the first of the text.
    #[cfg(target_arch = "x86_64")]
    fn goes(&mut self) -> *mut u8;
    /// Where they stand, if elsewhere.
    #[cfg(target_arch = "x86_64")]
    fn stands(&self) -> Option<*const u8>;
    /// The ciphered bytes where they go, as they stand.
    fn settled(&mut self) -> &mut [u8];
    /// There is room for as many bytes.
    #[cfg(target_arch = "x86_64")]
    fn has_room(&self, bytes: usize) -> bool;
    fn ciphered(&self) -> &Range<usize>;
    /// What the end of the text is to be first.
    #[cfg(target_arch = "x86_64")]
    fn plain(&self) -> Option<&[u8]>;
    /// Puts that in its place.
    fn settle(&mut self);
    /// Takes the MAC that was computed.
    fn put(&mut self, mac: [u8; 4]);
    /// False where the MAC has turned out wrong.
    fn proceeds(&self) -> bool;

    /// True when one byte is in the clear and all that follow are ciphered, as in a NAS message: the sequence number.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn regular(&self) -> bool {
        let (len, part) = (self.text().len(), self.ciphered());
        part.start == 1 && part.end >= len && len > 0 && self.has_room(len - 1)
    }

    /// Settles bytes that are not all of a regular message but its first, so that those that stand elsewhere then are.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn settle_part(&mut self) {
        let len = self.text().len();
        if self.plain().is_some_and(|plain| plain.len() + 1 != len) {
            self.settle();
        }
    }

    /// The ciphered part, inside the text.
    #[inline(always)]
    fn part(&self) -> Range<usize> {
        let (len, part) = (self.text().len(), self.ciphered());
        let end = part.end.min(len);
        part.start.min(end)..end
    }
}

/// What both lanes have under the same names.
macro_rules! common {
    () => {
        #[cfg(target_arch = "x86_64")]
        #[inline(always)]
        fn enc(&self) -> &Schedule {
            self.enc
        }

        #[inline(always)]
        fn int(&self) -> &Key {
            self.int
        }

        #[inline(always)]
        fn head(&self) -> [u8; 8] {
            self.head
        }

        #[inline(always)]
        fn ciphered(&self) -> &Range<usize> {
            &self.ciphered
        }

        fn cipher_lane(&mut self) -> Lane<'_, Schedule> {
            self.settle();
            Lane {
                key: self.enc,
                iv: (u128::from(u64::from_be_bytes(self.head)) << 64).to_be_bytes(),
                data: if self.proceeds() {
                    self.settled()
                } else {
                    &mut []
                },
            }
        }
    };
}

impl Whole for SealLane<'_> {
    const OPENS: bool = false;

    common!();

    #[inline(always)]
    fn text(&self) -> &[u8] {
        self.text
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn goes(&mut self) -> *mut u8 {
        self.text.as_mut_ptr().wrapping_add(1)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn stands(&self) -> Option<*const u8> {
        self.plain.map(<[u8]>::as_ptr)
    }

    #[inline(always)]
    fn settled(&mut self) -> &mut [u8] {
        let part = self.part();
        &mut self.text[part]
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn has_room(&self, _: usize) -> bool {
        true
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn plain(&self) -> Option<&[u8]> {
        self.plain
    }

    #[inline(always)]
    fn settle(&mut self) {
        settle(self.text, &mut self.plain);
    }

    #[inline(always)]
    fn put(&mut self, mac: [u8; 4]) {
        *self.mac = mac;
    }

    #[inline(always)]
    fn proceeds(&self) -> bool {
        true
    }
}

impl Whole for OpenLane<'_> {
    const OPENS: bool = true;

    common!();

    #[inline(always)]
    fn text(&self) -> &[u8] {
        self.text.text()
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn goes(&mut self) -> *mut u8 {
        self.text.goes()
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn stands(&self) -> Option<*const u8> {
        self.text.stands()
    }

    #[inline(always)]
    fn settled(&mut self) -> &mut [u8] {
        let part = self.part();
        self.text.settled(part)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn has_room(&self, bytes: usize) -> bool {
        self.text.has_room(bytes)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn plain(&self) -> Option<&[u8]> {
        None
    }

    #[inline(always)]
    fn settle(&mut self) {}

    #[inline(always)]
    fn put(&mut self, mac: [u8; 4]) {
        *self.authentic = ct_eq_mac(mac, self.mac);
    }

    #[inline(always)]
    fn proceeds(&self) -> bool {
        *self.authentic
    }
}

/// Copies what stands elsewhere to the end of the text.
#[inline(always)]
pub(crate) fn settle(text: &mut [u8], plain: &mut Option<&[u8]>) {
    if let Some(plain) = plain.take() {
        let len = plain.len().min(text.len());
        let start = text.len() - len;
        text[start..].copy_from_slice(&plain[..len]);
    }
}

/// Lanes that the composed rows take at a time.
const GROUP: usize = 8;

/// By a row of counter mode and one of CMAC, one after the other.
pub(super) fn compose<L: Whole>(
    lanes: &mut [L],
    ctr: fn(&mut [Lane<'_, Schedule>]),
    cmac: fn(&mut [CmacLane<'_>]),
) {
    for group in lanes.chunks_mut(GROUP) {
        if L::OPENS {
            authenticate(group, cmac);
            cipher(group, ctr);
        } else {
            cipher(group, ctr);
            authenticate(group, cmac);
        }
    }
}

/// One lane, by rows of either algorithm.
pub(super) fn compose_one<L: Whole>(
    lane: &mut L,
    ctr: fn(&mut Lane<'_, Schedule>),
    cmac: fn(&mut CmacLane<'_>),
) {
    if !L::OPENS {
        ctr(&mut lane.cipher_lane());
    }
    let mut staged = stage(lane);
    cmac(&mut staged);
    let mac = first(&staged);
    lane.put(mac);
    if L::OPENS {
        ctr(&mut lane.cipher_lane());
    }
}

fn first(lane: &CmacLane<'_>) -> [u8; 4] {
    [lane.mac[0], lane.mac[1], lane.mac[2], lane.mac[3]]
}

fn cipher<L: Whole>(group: &mut [L], ctr: fn(&mut [Lane<'_, Schedule>])) {
    let lanes = group.iter_mut().map(|lane| lane.cipher_lane());
    ctr(&mut lanes.collect::<ArrayVec<_, GROUP>>());
}

fn authenticate<L: Whole>(group: &mut [L], cmac: fn(&mut [CmacLane<'_>])) {
    let mut lanes: ArrayVec<CmacLane<'_>, GROUP> = group.iter().map(stage).collect();
    cmac(&mut lanes);
    let macs: ArrayVec<[u8; 4], GROUP> = lanes.iter().map(first).collect();
    drop(lanes);
    for (lane, mac) in group.iter_mut().zip(macs) {
        lane.put(mac);
    }
}

fn stage<L: Whole>(lane: &L) -> CmacLane<'_> {
    CmacLane {
        key: lane.int(),
        head: Some(lane.head()),
        message: lane.text(),
        bits: 8 * lane.text().len(),
        mac: [0; 16],
    }
}
