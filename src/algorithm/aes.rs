//! 128-NEA2 with 128-NIA2: whole messages, a group at a time.
//!
//! The keys of the group after next are on their way while a group is computed: with VAES two raw keys a message, else
//! two schedules, six lines. Asked for all at once, the 384 lines of 64 messages would wait for each other: 6 of 40 ns
//! a message.

use super::message::{CHUNK, ProtectLane, RevealLane, VerifyLane};
use super::pair::Pair;
use super::{CipherKey, Key, shape};
use crate::base::cpu::{apart, apart_ref, prefetch, prefetch_front};
use crate::kernel::{self, Backend, Room, aes128};
use arrayvec::ArrayVec;

pub(super) const PAIR: Pair = Pair {
    protect: |lanes| run(lanes),
    open: None,
    reveal: Some(|lanes| run(lanes)),
    verify: |lanes| run(lanes),
};

/// Messages of a group: what the kernels run side by side.
const GROUP: usize = 8;

/// Groups whose keys are asked for ahead.
const AHEAD: usize = 2;

/// Messages that are put into order together where there are more than a chunk: more of a group are of one length.
/// 256 messages of 24 to 160 octets take 55.9 ns each so and 59.7 in four parts (in turns, like a Cascade Lake; 49.0
/// and 51.2 with VAES).
const MANY: usize = 256;

/// Octets of a raw key.
const RAW: usize = 16;

/// Octets of the longer prepared key.
const WHOLE: usize = size_of::<Key>();

/// What the kernels need of a message.
trait Message {
    type Room: Room;
    /// The MAC is computed before anything is ciphered.
    const MAC_FIRST: bool;
    fn enc(&self) -> &CipherKey;
    fn int(&self) -> &Key;
    /// Length of what the MAC covers.
    fn len(&self) -> usize;
    fn stage(&mut self) -> <Self::Room as Room>::Lane<'_>;

    /// Asks for so many octets of both keys, in the order in which they are needed.
    #[inline(always)]
    fn ask(&self, octets: usize) {
        if Self::MAC_FIRST {
            prefetch_front(self.int(), octets);
            prefetch_front(self.enc(), octets);
        } else {
            prefetch_front(self.enc(), octets);
            prefetch_front(self.int(), octets);
        }
    }

    /// Asks for the second one.
    #[inline(always)]
    fn ask_second(&self) {
        if Self::MAC_FIRST {
            prefetch(self.enc());
        } else {
            prefetch(self.int());
        }
    }
}

/// The keys of a lane, and their order.
macro_rules! keys {
    ($room:ident, $mac_first:literal) => {
        type Room = aes128::$room;
        const MAC_FIRST: bool = $mac_first;

        #[inline(always)]
        fn enc(&self) -> &CipherKey {
            self.enc
        }

        #[inline(always)]
        fn int(&self) -> &Key {
            self.int
        }

        #[inline(always)]
        fn len(&self) -> usize {
            self.text.len()
        }
    };
}

impl Message for ProtectLane<'_> {
    keys!(Seal, false);

    #[inline(always)]
    fn stage(&mut self) -> aes128::SealLane<'_> {
        let len = apart(self.text.len());
        aes128::SealLane {
            enc: apart_ref(self.enc),
            int: apart_ref(self.int).aes(),
            head: self.input.head(),
            text: &mut self.text[..len],
            plain: self.plain.map(|plain| &plain[..apart(plain.len())]),
            ciphered: apart(self.ciphered.start)..apart(self.ciphered.end),
            mac: &mut self.mac,
        }
    }
}

impl Message for VerifyLane<'_> {
    keys!(Open, true);

    #[inline(always)]
    fn stage(&mut self) -> aes128::OpenLane<'_> {
        let len = apart(self.text.len());
        aes128::OpenLane {
            enc: apart_ref(self.enc),
            int: apart_ref(self.int).aes(),
            head: self.input.head(),
            text: aes128::Opening::Here(&mut self.text[..len]),
            ciphered: apart(self.ciphered.start)..apart(self.ciphered.end),
            mac: self.mac,
            authentic: &mut self.authentic,
        }
    }
}

impl Message for RevealLane<'_> {
    keys!(Open, true);

    #[inline(always)]
    fn stage(&mut self) -> aes128::OpenLane<'_> {
        aes128::OpenLane {
            enc: apart_ref(self.enc),
            int: apart_ref(self.int).aes(),
            head: self.input.head(),
            text: self.text.reborrow(),
            ciphered: 1..usize::MAX,
            mac: self.mac,
            authentic: &mut self.authentic,
        }
    }
}

/// Runs the messages of a chunk, like lengths beside each other, group by group.
fn run<L: Message>(lanes: &mut [L]) {
    let row = kernel::active::<L::Room>();
    if let [lane] = lanes {
        // Else the processor gets to its loads when the first key is there, and is through with counter mode or a chain.
        lane.ask_second();
        return (row.one)(&mut lane.stage());
    }
    many(row, lanes);
}

/// Apart, so that a message alone pays for no registers and no room of this.
#[inline(never)]
fn many<L: Message>(row: &Backend<L::Room>, lanes: &mut [L]) {
    if aes128::message::expands(row) {
        shaped(row, lanes, RAW);
    } else {
        shaped(row, lanes, WHOLE);
    }
}

/// A length for [`shape::sorted`] that tells numbers of blocks apart: those of counter mode and of CMAC change eight
/// bytes from each other, and a group that does not agree in both costs mispredicted jumps.
#[inline(always)]
fn finer(len: usize) -> usize {
    let ciphered = len.saturating_sub(1);
    ciphered + ciphered.min(FINE)
}

/// Lengths up to here are told apart by eight bytes, longer ones by 16.
const FINE: usize = 192;

#[inline(always)]
fn shaped<L: Message>(row: &Backend<L::Room>, lanes: &mut [L], ask: usize) {
    if lanes.len() > CHUNK {
        return sorted::<L, MANY>(row, lanes, ask);
    }
    sorted::<L, CHUNK>(row, lanes, ask);
}

#[inline(always)]
fn sorted<L: Message, const N: usize>(row: &Backend<L::Room>, lanes: &mut [L], ask: usize) {
    for chunk in lanes.chunks_mut(N) {
        if shape::equal(chunk, |lane| lane.len()) {
            groups(row, chunk, ask, |lane| Some(lane), |lane| Some(lane));
            continue;
        }
        let count = chunk.len();
        let mut order = [const { None }; N];
        shape::sorted(chunk, |lane| finer(lane.len()), &mut order);
        let order = &mut order[..count];
        groups(row, order, ask, Option::as_deref, Option::as_deref_mut);
    }
}

/// Runs messages group by group, as they stand. Slices and plain loops: with chains of `skip`, `take` and `collect` a message of
/// 64 octets took 1 to 2 of 27 ns more.
#[inline(always)]
fn groups<L: Message, P>(
    row: &Backend<L::Room>,
    places: &mut [P],
    octets: usize,
    read: impl Fn(&P) -> Option<&L>,
    write: impl Fn(&mut P) -> Option<&mut L>,
) {
    let ask = |places: &[P], from: usize, to: usize| {
        let to = to.min(places.len());
        for place in places.get(from..to).unwrap_or_default() {
            if let Some(lane) = read(place) {
                lane.ask(octets);
            }
        }
    };
    let mut begin = 0;
    ask(places, 0, AHEAD * GROUP);
    while begin < places.len() {
        let end = places.len().min(begin + GROUP);
        ask(places, begin + AHEAD * GROUP, end + AHEAD * GROUP);
        let mut staged: ArrayVec<<L::Room as Room>::Lane<'_>, GROUP> = ArrayVec::new();
        for place in &mut places[begin..end] {
            if let Some(lane) = write(place) {
                staged.push(lane.stage());
            }
        }
        (row.many)(&mut staged);
        begin = end;
    }
}
