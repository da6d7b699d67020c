//! The line of a session: where its COUNTs stand, in memory that outlives the process.
//!
//! A COUNT is in the line before the message that uses it is computed, and a floor is before the verdict is told. A
//! process that comes after a crash goes on from the line, never from a record: at most it skips the COUNTs of messages
//! that nobody got (R13).
//!
//! ```text
//! octet 0   fingerprint of the key; 0: the cell is free
//!       8   3GPP access: next COUNT to send, one past the last that the lease permits
//!       16  the same for non-3GPP access
//!       24  lowest COUNTs to accept, 3GPP and non-3GPP access
//!       32  a second cell of the same form
//! ```
//! Each of the three last is one 64-bit word: two numbers of 25 bits and 14 bits that tell, together with the
//! fingerprint, whether the word is what was written. A word is written at once, so a crash cannot tear it; damage and
//! lines that changed places are seen. Keys are never here.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::base::{AccessType, Error, Result};

use super::count::{LIMIT, Pair, ReceiveCount, SendCount};

/// A ceiling that stops nobody: as high as COUNTs go.
pub const NO_LEASE: u32 = LIMIT;

/// COUNTs left of a lease when its renewal is asked for: half a block. Asked for again when none is left.
pub const RENEWAL: u32 = 16;

/// A session's line: two keys with COUNTs at a time.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct Line([AtomicU64; 8]);

const _: () = assert!(size_of::<Line>() == 64);

/// Which half of the line a context's COUNTs are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Cell {
    /// The first.
    A = 0,
    /// The second.
    B = 1,
}

impl Cell {
    /// Both.
    pub const ALL: [Self; 2] = [Self::A, Self::B];
}

const PRINT: usize = 0;
const SEND: usize = 1;
const FLOORS: usize = 3;

const FIELD: u32 = 25;
const MASK: u64 = (1 << FIELD) - 1;

/// Two numbers and what proves that they stand together in this word of a cell with this fingerprint.
const fn pack(print: u64, word: usize, [low, high]: [u32; 2]) -> u64 {
    let value = (high as u64 & MASK) << FIELD | low as u64 & MASK;
    let mut sum = (value ^ print.rotate_left(21 * word as u32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    sum = (sum ^ sum >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    value | sum & !(u64::MAX >> 14)
}

const fn unpack(print: u64, word: usize, octets: u64) -> Option<[u32; 2]> {
    let numbers = [(octets & MASK) as u32, (octets >> FIELD & MASK) as u32];
    let sound = pack(print, word, numbers) == octets && numbers[0] <= LIMIT && numbers[1] <= LIMIT;
    if sound { Some(numbers) } else { None }
}

/// What a cell says, by access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Fingerprint of the key.
    pub print: u64,
    /// Next COUNT to send; 2^24: used up.
    pub next: [u32; 2],
    /// One past the last COUNT that may be sent.
    pub ceiling: [u32; 2],
    /// Lowest COUNT to accept.
    pub floor: [u32; 2],
}

impl Standing {
    /// The COUNTs of one access. Which late messages were accepted is not known: none is any more.
    #[cfg_attr(not(all(feature = "survive", target_os = "linux")), allow(dead_code))]
    pub(super) fn pair(&self, access: AccessType) -> Result<Pair> {
        let at = access.index();
        let mut receive = ReceiveCount::resume(self.floor[at], 0)?;
        receive.close_window();
        Ok(Pair {
            send: SendCount::resume(self.next[at])?,
            receive,
        })
    }
}

impl Line {
    fn word(&self, cell: Cell, word: usize) -> &AtomicU64 {
        &self.0[4 * cell as usize + word]
    }

    /// Fingerprint of the key in a cell; 0: none.
    #[must_use]
    pub fn print(&self, cell: Cell) -> u64 {
        self.word(cell, PRINT).load(Ordering::Acquire) // pairs with Release in `begin`
    }

    /// The cell of the key with this fingerprint.
    #[must_use]
    pub fn find(&self, print: u64) -> Option<Cell> {
        let mut cells = Cell::ALL.into_iter();
        cells.find(|&cell| print != 0 && self.print(cell) == print)
    }

    /// Reads a cell.
    ///
    /// # Errors
    /// [`Error::NoContext`] when it is free, [`Error::RekeyRequired`] when a word of it is not what was written.
    pub fn read(&self, cell: Cell) -> Result<Standing> {
        let print = self.print(cell);
        if print == 0 {
            return Err(Error::NoContext);
        }
        let numbers = |word| {
            let octets = self.word(cell, word).load(Ordering::Acquire);
            unpack(print, word, octets).ok_or(Error::RekeyRequired)
        };
        let [a, b] = [numbers(SEND)?, numbers(SEND + 1)?];
        Ok(Standing {
            print,
            next: [a[0], b[0]],
            ceiling: [a[1], b[1]],
            floor: numbers(FLOORS)?,
        })
    }

    /// A key takes the cell. A crash on the way leaves it free.
    pub(crate) fn begin(&self, cell: Cell, standing: &Standing) {
        let Standing {
            print,
            next,
            ceiling,
            floor,
        } = *standing;
        self.free(cell);
        for access in AccessType::ALL {
            let at = access.index();
            let word = SEND + at;
            let octets = pack(print, word, [next[at], ceiling[at]]);
            self.word(cell, word).store(octets, Ordering::Release);
        }
        let octets = pack(print, FLOORS, floor);
        self.word(cell, FLOORS).store(octets, Ordering::Release);
        self.word(cell, PRINT).store(print, Ordering::Release); // pairs with Acquire in `print`
    }

    /// No key is in the cell any more.
    pub(crate) fn free(&self, cell: Cell) {
        self.word(cell, PRINT).store(0, Ordering::Release);
    }
}

/// What the lines of a table share.
#[derive(Debug)]
pub struct Ledger {
    /// A bit for each session whose lease wants to be renewed.
    wanted: Box<[AtomicU64]>,
    /// A bit for each session whose keys changed, while there are leases.
    changed: Box<[AtomicU64]>,
    /// Ceiling of a key whose COUNTs begin.
    first_lease: AtomicU32,
}

impl Ledger {
    /// For this number of sessions.
    #[must_use]
    pub fn new(sessions: usize) -> Self {
        let map = || {
            (0..sessions.div_ceil(64))
                .map(|_| AtomicU64::new(0))
                .collect()
        };
        Self {
            wanted: map(),
            changed: map(),
            first_lease: AtomicU32::new(NO_LEASE),
        }
    }

    /// Sets the ceiling of keys whose COUNTs begin from now on; [`NO_LEASE`]: none.
    pub fn set_first_lease(&self, count: u32) {
        self.first_lease
            .store(count.min(NO_LEASE), Ordering::Relaxed);
    }

    /// Words of the map of wanted leases; 64 sessions each.
    #[must_use]
    pub fn words(&self) -> usize {
        self.wanted.len()
    }

    /// The sessions of this word that wanted a lease since the last call: bit i is session 64 * `word` + i.
    #[must_use]
    pub fn take_wanted(&self, word: usize) -> u64 {
        take(&self.wanted, word)
    }

    /// The sessions of this word whose keys changed since the last call, in the same form. None are noted while there is
    /// no lease.
    #[must_use]
    pub fn take_changed(&self, word: usize) -> u64 {
        take(&self.changed, word)
    }

    fn want(&self, slot: u32) {
        if let Some(wanted) = self.wanted.get(slot as usize / 64) {
            wanted.fetch_or(1 << (slot % 64), Ordering::Release);
        }
    }
}

fn take(map: &[AtomicU64], word: usize) -> u64 {
    // Mostly none: the line is not taken away from those who write to it.
    map.get(word)
        .filter(|bits| bits.load(Ordering::Relaxed) != 0)
        .map_or(0, |bits| bits.swap(0, Ordering::AcqRel))
}

/// The line of one session, with what all lines share.
#[derive(Clone, Copy, Debug)]
pub struct Book<'a> {
    line: &'a Line,
    ledger: &'a Ledger,
    slot: u32,
}

impl<'a> Book<'a> {
    /// The line of the session in this slot.
    #[must_use]
    pub const fn new(line: &'a Line, ledger: &'a Ledger, slot: u32) -> Self {
        Self { line, ledger, slot }
    }

    /// The line.
    #[must_use]
    pub const fn line(&self) -> &'a Line {
        self.line
    }

    /// The session's keys changed: whoever keeps its leases is to look at it.
    pub(crate) fn note_change(&self) {
        let leases = self.ledger.first_lease.load(Ordering::Relaxed) != NO_LEASE;
        if let Some(changed) = self.ledger.changed.get(self.slot as usize / 64)
            && leases
        {
            changed.fetch_or(1 << (self.slot % 64), Ordering::Release);
        }
    }

    /// The ceiling of a key that comes with this COUNT to send next: one that was used elsewhere has no lease yet.
    pub(super) fn first_ceiling(&self, next: u32, fresh: bool) -> u32 {
        match self.ledger.first_lease.load(Ordering::Relaxed) {
            NO_LEASE => NO_LEASE,
            lease if fresh => lease,
            _ => next,
        }
    }

    /// The COUNT before `after` is taken: from here on nobody takes it again, whatever becomes of this process.
    ///
    /// # Errors
    /// [`Error::LeaseExhausted`], unless `null`: without a key nothing is used twice. [`Error::RekeyRequired`] when the
    /// line does not say what this process wrote there. Nothing was stored then.
    #[inline(always)]
    pub(super) fn take(
        &self,
        at: (Cell, AccessType),
        [now, after]: [u32; 2],
        null: bool,
    ) -> Result<()> {
        let (cell, access) = at;
        let word = SEND + access.index();
        let print = self.line.word(cell, PRINT).load(Ordering::Relaxed);
        let place = self.line.word(cell, word);
        let octets = place.load(Ordering::Relaxed);
        let ceiling = (octets >> FIELD & MASK) as u32;
        #[cfg(test)]
        if sabotage::put_off(
            self.slot,
            4 * cell as usize + word,
            pack(print, word, [after, ceiling]),
        ) {
            return Ok(());
        }
        if octets & MASK != u64::from(now) || print == 0 {
            return Err(Error::RekeyRequired);
        }
        if !null && after > ceiling {
            self.ledger.want(self.slot);
            return Err(Error::LeaseExhausted);
        }
        let octets = pack(print, word, [after, ceiling]);
        place.store(octets, Ordering::Release); // pairs with Acquire in `read`
        if !null && matches!(ceiling - after, 0 | RENEWAL) && ceiling != NO_LEASE {
            self.ledger.want(self.slot);
        }
        Ok(())
    }

    /// COUNTs below `floor` are not accepted again.
    #[inline]
    pub(super) fn accept(&self, (cell, access): (Cell, AccessType), floor: u32) {
        let print = self.line.word(cell, PRINT).load(Ordering::Relaxed);
        let place = self.line.word(cell, FLOORS);
        let octets = place.load(Ordering::Relaxed);
        let mut floors = [(octets & MASK) as u32, (octets >> FIELD & MASK) as u32];
        floors[access.index()] = floor;
        place.store(pack(print, FLOORS, floors), Ordering::Release); // pairs with Acquire in `read`
    }

    /// Sets how far a key may send.
    ///
    /// # Errors
    /// [`Error::Handle`] when another key is in the cell; [`Error::Argument`] below the COUNT to send next or above
    /// 2^24.
    pub(crate) fn set_ceiling(
        &self,
        (cell, access): (Cell, AccessType),
        print: u64,
        ceiling: u32,
    ) -> Result<()> {
        let standing = self.line.read(cell)?;
        let next = standing.next[access.index()];
        if standing.print != print {
            return Err(Error::Handle);
        }
        if ceiling < next || ceiling > NO_LEASE {
            return Err(Error::Argument);
        }
        let word = SEND + access.index();
        let octets = pack(print, word, [next, ceiling]);
        self.line.word(cell, word).store(octets, Ordering::Release);
        Ok(())
    }
}

/// The order of storing and computing made wrong on purpose, to prove that the tests would notice.
#[cfg(test)]
pub(crate) mod sabotage {
    use std::cell::{Cell, RefCell};
    use std::sync::atomic::Ordering;

    use super::Line;

    std::thread_local! {
        static WRONG: Cell<bool> = const { Cell::new(false) };
        /// Slot, word of its line, and what is to be stored there.
        static LATE: RefCell<Vec<(u32, usize, u64)>> = const { RefCell::new(Vec::new()) };
    }

    /// From now on this thread's COUNTs are stored by [`catch_up`] and not before.
    #[cfg_attr(not(all(feature = "survive", target_os = "linux")), allow(dead_code))]
    pub(crate) fn choose_wrong_order() {
        WRONG.set(true);
    }

    pub(super) fn put_off(slot: u32, word: usize, octets: u64) -> bool {
        let wrong = WRONG.get();
        if wrong {
            LATE.with_borrow_mut(|late| late.push((slot, word, octets)));
        }
        wrong
    }

    #[cfg_attr(not(all(feature = "survive", target_os = "linux")), allow(dead_code))]
    pub(crate) fn catch_up(lines: &[Line]) {
        LATE.with_borrow_mut(|late| {
            for (slot, word, octets) in late.drain(..) {
                lines[slot as usize].0[word].store(octets, Ordering::Release);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(print: u64) -> Standing {
        Standing {
            print,
            next: [0, 7],
            ceiling: [32, NO_LEASE],
            floor: [LIMIT, 9],
        }
    }

    const AT: (Cell, AccessType) = (Cell::A, AccessType::ThreeGpp);

    #[test]
    fn a_cell_says_what_was_written() {
        let (line, ledger) = (Line::default(), Ledger::new(1));
        assert_eq!(line.read(Cell::A), Err(Error::NoContext));
        line.begin(Cell::B, &standing(77));
        line.begin(Cell::A, &standing(5));
        assert_eq!(line.read(Cell::B), Ok(standing(77)));
        assert_eq!(
            (line.find(77), line.find(5)),
            (Some(Cell::B), Some(Cell::A))
        );
        assert_eq!((line.find(6), line.find(0)), (None, None));
        let book = Book::new(&line, &ledger, 0);
        book.take(AT, [0, 1], false).unwrap();
        book.take((Cell::A, AccessType::NonThreeGpp), [7, 8], false)
            .unwrap();
        book.accept((Cell::A, AccessType::NonThreeGpp), 300);
        let own = line.read(Cell::A).unwrap();
        assert_eq!((own.next, own.floor), ([1, 8], [LIMIT, 300]));
        assert_eq!(line.read(Cell::B), Ok(standing(77)), "the other cell");
        line.free(Cell::A);
        assert_eq!(line.read(Cell::A), Err(Error::NoContext));
    }

    #[test]
    fn a_lease_ends_and_asks_for_another_in_time() {
        let (line, ledger) = (Line::default(), Ledger::new(70));
        let book = Book::new(&line, &ledger, 69);
        line.begin(Cell::A, &standing(5));
        for count in 0..32 {
            book.take(AT, [count, count + 1], false).unwrap();
            let wanted = ledger.take_wanted(1);
            assert_eq!(wanted == 1 << 5, count == 15 || count == 31, "{count}");
        }
        let before = line.read(Cell::A);
        for _ in 0..2 {
            let refused = book.take(AT, [32, 33], false);
            assert_eq!(refused, Err(Error::LeaseExhausted));
            assert_eq!(line.read(Cell::A), before);
            assert_eq!(ledger.take_wanted(1), 1 << 5);
        }
        let below = book.set_ceiling(AT, 5, 31);
        let beyond = book.set_ceiling(AT, 5, LIMIT + 1);
        assert_eq!(
            (below, beyond),
            (Err(Error::Argument), Err(Error::Argument))
        );
        assert_eq!(book.set_ceiling(AT, 6, 64), Err(Error::Handle));
        book.set_ceiling(AT, 5, 64).unwrap();
        book.take(AT, [32, 33], false).unwrap();
        book.set_ceiling(AT, 5, 33).unwrap();
        let halted = book.take(AT, [33, 34], false);
        assert_eq!(halted, Err(Error::LeaseExhausted));
        book.take(AT, [33, 0], true).expect("no key, no lease");
        assert_eq!(ledger.words(), 2);
    }

    #[test]
    fn what_this_process_did_not_write_is_refused() {
        let (line, ledger) = (Line::default(), Ledger::new(1));
        let book = Book::new(&line, &ledger, 0);
        line.begin(Cell::A, &standing(5));
        let stale = book.take(AT, [3, 4], false);
        assert_eq!(stale, Err(Error::RekeyRequired));
        // Any bit of a word, and the words of another key.
        for word in [SEND, SEND + 1, FLOORS] {
            for bit in 0..64 {
                line.begin(Cell::A, &standing(5));
                line.word(Cell::A, word)
                    .fetch_xor(1 << bit, Ordering::Relaxed);
                assert_eq!(
                    line.read(Cell::A),
                    Err(Error::RekeyRequired),
                    "{word} {bit}"
                );
            }
        }
        line.begin(Cell::A, &standing(5));
        line.begin(Cell::B, &standing(6));
        let moved = line.word(Cell::B, SEND).load(Ordering::Relaxed);
        line.word(Cell::A, SEND).store(moved, Ordering::Relaxed);
        assert_eq!(line.read(Cell::A), Err(Error::RekeyRequired));
        line.free(Cell::A);
        assert_eq!(book.take(AT, [0, 1], false), Err(Error::RekeyRequired));
    }

    #[test]
    fn first_leases() {
        let (line, ledger) = (Line::default(), Ledger::new(1));
        let book = Book::new(&line, &ledger, 0);
        assert_eq!(book.first_ceiling(9, false), NO_LEASE);
        ledger.set_first_lease(32);
        assert_eq!(
            (book.first_ceiling(0, true), book.first_ceiling(9, false)),
            (32, 9)
        );
    }
}
