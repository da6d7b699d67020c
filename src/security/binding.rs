//! What a UE borrows from its surroundings, and how its contexts come by their place in the session's line.

use crate::base::{AccessType, Error, Result};
use crate::kdf::{AlgorithmId, KAmf};

use super::context::{Context, NasKeys, Role};
use super::count::NasCount;
use super::ledger::{Book, Cell, Standing};
use super::side::SidePool;
use super::ue::{Place, UeSecurity};

/// Who decides whether a K_AMF may start at COUNT 0: a key that was used before must not (R12, R13).
pub trait KeyGuard: Sync {
    /// Admits a key that this engine has not seen, and remembers it.
    ///
    /// # Errors
    /// [`Error::KeyReused`] for a key seen before; limits of the guard itself.
    fn admit(&self, role: Role, k_amf: &KAmf) -> Result<()>;

    /// Takes back an admission whose key was never taken into a context.
    fn withdraw(&self, role: Role, k_amf: &KAmf);

    /// K_NASenc and K_NASint of this K_AMF under these algorithms, when somebody derived them ahead. `None`: they are
    /// derived when they are needed.
    fn derived(&self, _k_amf: &KAmf, _algorithms: (AlgorithmId, AlgorithmId)) -> Option<NasKeys> {
        None
    }

    /// The fingerprint of a key in a session's line; never 0 in a guard of sessions that have one.
    fn print(&self, _role: Role, _k_amf: &KAmf) -> u64 {
        0
    }

    /// The line of its session has no room for the key with this fingerprint any more: after a crash it may not go on.
    fn forsake(&self, _print: u64) {}
}

/// What the set borrows from its surroundings.
#[derive(Clone, Copy)]
pub struct Resources<'a> {
    /// Side rooms.
    pub side: &'a SidePool,
    /// Guard of key freshness.
    pub keys: &'a dyn KeyGuard,
    /// Where this UE's COUNTs are written down before they are used, if anywhere.
    pub book: Option<Book<'a>>,
}

/// What changed of a UE, for whoever keeps a record of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Changed(u8);

impl Changed {
    pub(crate) const NOTHING: Self = Self(0);
    /// What a record holds besides its contexts and their COUNTs.
    pub(crate) const STATE: Self = Self(1);
    /// A context came or went.
    pub(crate) const KEYS: Self = Self(3);

    /// Not a change: COUNTs are written down. Here because an octet of its own would cost a session eight.
    const WRITTEN_DOWN: Self = Self(0x80);

    /// What changed until now.
    pub(crate) const fn take(&mut self) -> Self {
        let changed = Self(self.0 & !Self::WRITTEN_DOWN.0);
        self.0 &= Self::WRITTEN_DOWN.0;
        changed
    }

    /// Something did.
    pub(crate) const fn any(self) -> bool {
        self.0 & !Self::WRITTEN_DOWN.0 != 0
    }

    pub(crate) const fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(crate) const fn keys(self) -> bool {
        self.0 & 2 != 0
    }
}

impl Context {
    /// It has COUNTs of its own, and the line has none of them.
    pub(crate) fn is_unbound(&self) -> bool {
        !self.shares_counts && self.cell.is_none()
    }
}

impl UeSecurity {
    /// From now on nothing is sent or accepted unless its COUNT was written down.
    pub(crate) fn write_down(&mut self) {
        self.changed.add(Changed::WRITTEN_DOWN);
    }

    /// Its COUNTs are written down before they are used.
    pub(crate) fn is_written_down(&self) -> bool {
        self.changed.0 & Changed::WRITTEN_DOWN.0 != 0
    }

    /// What a record holds is to be written again.
    pub(crate) fn touch(&mut self) {
        self.changed.add(Changed::STATE);
    }

    /// Keys that are known as this UE's and are not here are to be given up.
    #[cfg(all(feature = "survive", target_os = "linux"))]
    pub(crate) fn forget_keys(&mut self) {
        self.changed.add(Changed::KEYS);
    }

    /// The cell of the COUNTs that the context in `place` uses; a context without one gets one. `None`: COUNTs are not
    /// written down.
    ///
    /// # Errors
    /// [`Error::Unexpected`] when they are to be written down and nobody said where.
    // The book is borrowed where it stands, and nothing of it is moved: a copy that is written in one width and read in
    // another waits for the store buffer, 3 ns a message.
    #[inline(always)]
    pub(in crate::security) fn bind<'r, 'a>(
        &mut self,
        place: Place,
        from: Option<&'r Resources<'a>>,
    ) -> Result<Option<(&'r Book<'a>, Cell)>> {
        let Some((book, from)) = from.and_then(|from| Some((from.book.as_ref()?, from))) else {
            return if self.is_written_down() {
                Err(Error::Unexpected)
            } else {
                Ok(None)
            };
        };
        let home = self.counts_place(place);
        let cell = match self.context(home).ok_or(Error::NoContext)?.cell {
            Some(cell) => cell,
            None => self.bind_anew(home, *book, from)?,
        };
        Ok(Some((book, cell)))
    }

    /// Takes the next COUNT that the context in `place` sends under on `access`; with `null` integrity it may wrap.
    ///
    /// # Errors
    /// Those of [`UeSecurity::bind`]; [`Error::CountExhausted`], [`Error::LeaseExhausted`], [`Error::RekeyRequired`].
    /// No COUNT was taken.
    #[inline(always)]
    pub(in crate::security) fn take_count(
        &mut self,
        (place, access): (Place, AccessType),
        null: bool,
        from: Option<&Resources<'_>>,
    ) -> Result<NasCount> {
        let bound = self.bind(place, from)?;
        let pair = self.pair_mut(place, access).ok_or(Error::NoContext)?;
        // A candidate may still lose its null algorithms and go on under a key: it does not wrap.
        let wraps = null && place != Place::Candidate;
        if let Some((book, cell)) = bound {
            let counts = [pair.send.next(), pair.send.after(wraps)?];
            book.take((cell, access), counts, wraps)?;
        }
        if wraps {
            Ok(pair.send.take_null_integrity())
        } else {
            pair.send.take()
        }
    }

    /// Gives every key that has COUNTs its cell, while there are free ones.
    pub(crate) fn bind_all(&mut self, from: &Resources<'_>) -> Result<()> {
        let Some(book) = from.book else { return Ok(()) };
        for place in Place::ALL {
            if self.context(place).is_some_and(Context::is_unbound)
                && (place == Place::Current || self.free_cell().is_some())
            {
                self.bind_anew(place, book, from)?;
            }
        }
        Ok(())
    }

    fn free_cell(&self) -> Option<Cell> {
        let taken = |cell| {
            self.contexts()
                .any(|(_, context)| context.cell == Some(cell))
        };
        Cell::ALL.into_iter().find(|&cell| !taken(cell))
    }

    #[cold]
    fn bind_anew(&mut self, home: Place, book: Book<'_>, from: &Resources<'_>) -> Result<Cell> {
        let role = self.role();
        let context = self.context(home).ok_or(Error::NoContext)?;
        let print = from.keys.print(role, context.k_amf());
        let pairs = AccessType::ALL.map(|access| context.pair(access));
        let next = pairs.map(|pair| pair.send.next());
        let floor = pairs.map(|pair| pair.receive.next_min());
        let fresh = next == [0; 2] && floor == [0; 2];
        let standing = Standing {
            print,
            next,
            ceiling: next.map(|next| book.first_ceiling(next, fresh)),
            floor,
        };
        let cell = match self.free_cell() {
            Some(cell) => cell,
            None => self.vacate(home)?,
        };
        let before = book.line().print(cell);
        if before != 0 && before != print {
            // Before the cell is written over: no moment in which that key is unknown.
            from.keys.forsake(before);
        }
        book.line().begin(cell, &standing);
        let context = self.context_mut(home).ok_or(Error::NoContext)?;
        context.cell = Some(cell);
        Ok(cell)
    }

    /// Of three keys the least needed one loses its cell, and with it its life after a crash.
    fn vacate(&mut self, home: Place) -> Result<Cell> {
        let others = [Place::NonCurrent, Place::Previous, Place::Candidate];
        let mut others = others.into_iter().filter(|place| *place != home);
        let vacated = others.find_map(|place| self.context_mut(place)?.cell.take());
        vacated.ok_or(Error::SideFull)
    }

    /// After a crash: every key goes on where its cell stands. A key without a cell goes; without the current one nothing
    /// is left to go on with.
    ///
    /// # Errors
    /// [`Error::RekeyRequired`].
    #[cfg(all(feature = "survive", target_os = "linux"))]
    pub(crate) fn resume_counts(&mut self, from: &Resources<'_>) -> Result<()> {
        let book = from.book.ok_or(Error::RekeyRequired)?;
        let role = self.role();
        for place in Place::ALL {
            let Some(context) = self.context(place).filter(|c| !c.shares_counts) else {
                continue;
            };
            let print = from.keys.print(role, context.k_amf());
            let cell = book.line().find(print);
            let standing = cell
                .map(|cell| Ok((cell, book.line().read(cell)?)))
                .transpose()?;
            let Some((cell, standing)) = standing else {
                if place == Place::Current {
                    return Err(Error::RekeyRequired);
                }
                self.lose(place);
                continue;
            };
            let counts = AccessType::ALL.map(|access| standing.pair(access));
            let [Ok(a), Ok(b)] = counts else {
                return Err(Error::RekeyRequired);
            };
            let context = self.context_mut(place).ok_or(Error::RekeyRequired)?;
            context.resume([a, b]);
            context.cell = Some(cell);
        }
        Ok(())
    }

    /// A context goes, and the accesses that used it have none.
    #[cfg(all(feature = "survive", target_os = "linux"))]
    fn lose(&mut self, place: Place) {
        if place == Place::Previous {
            let waits = |access: &&mut super::ue::Access| access.on_previous;
            self.access
                .iter_mut()
                .filter(waits)
                .for_each(|access| *access = Default::default());
        }
        self.unseat(place);
    }

    /// Cells of the line that no context has any more are free.
    pub(crate) fn free_cells(&self, book: &Book<'_>) {
        for cell in Cell::ALL {
            if !self
                .contexts()
                .any(|(_, context)| context.cell == Some(cell))
            {
                book.line().free(cell);
            }
        }
    }

    /// What the line says of the context in `place`.
    ///
    /// # Errors
    /// [`Error::NoContext`] without a context or a line; [`Error::RekeyRequired`].
    pub(crate) fn standing(&self, place: Place, from: &Resources<'_>) -> Result<Standing> {
        let book = from.book.ok_or(Error::NoContext)?;
        let home = self.context(self.counts_place(place));
        let cell = home.and_then(|context| context.cell);
        book.line().read(cell.ok_or(Error::NoContext)?)
    }

    /// Lets the context in `place` send COUNTs below `ceiling` over `access`.
    ///
    /// # Errors
    /// As [`UeSecurity::standing`]; [`Error::Handle`] when `print` is not its key's; [`Error::Argument`] below the COUNT
    /// to send next or above 2^24.
    pub(crate) fn set_ceiling(
        &self,
        (place, access): (Place, AccessType),
        (print, ceiling): (u64, u32),
        from: &Resources<'_>,
    ) -> Result<()> {
        let book = from.book.ok_or(Error::NoContext)?;
        let home = self.context(self.counts_place(place));
        let cell = home.and_then(|context| context.cell);
        book.set_ceiling((cell.ok_or(Error::NoContext)?, access), print, ceiling)
    }
}
