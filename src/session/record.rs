//! A session as a record: for the context transfer between AMFs (TS 29.518 Namf_Communication, TS 33.501 6.9.3)
//! and for storage.
//!
//! A record holds K_AMF and is NOT encrypted: the caller seals it, and wipes every copy of its own. Its checksum
//! finds damage, not forgery.

use crate::base::{AccessType, Error, Result, Secret};
use crate::procedure::nssaa::{Amf, Kept};
use crate::security::transfer::{StoredAccess, StoredContext};
use crate::security::{Context, KeyChange, Kind, Place, Role, SidePool, UeSecurity};

use super::handle::Handle;
use super::layout::{Header, Reader, Writer};
use super::locked::Guard;
use super::slices::{SliceHalf, lock, restored};
use super::table::Table;

pub use super::layout::MAX_LEN;

type Slices = arrayvec::ArrayVec<u8, { crate::procedure::nssaa::RECORD_MAX }>;

/// How much of a session goes into a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Extent {
    /// The contexts with their COUNTs and the NH chain, as another AMF needs them (TS 33.501 6.9.3): the new AMF
    /// has its own NAS connections. A context that only an old connection used goes, unless it is the native one
    /// beside a mapped one (TS 33.501 6.4.2.2).
    Contexts = 0,
    /// All of that and the state of the NAS connections, for storage that the same AMF takes the session from.
    Connections = 1,
}

/// The octets of a session's record. Wiped on drop and before it is written again; never printed.
#[derive(Default)]
pub struct Record {
    octets: Secret<MAX_LEN>,
    len: usize,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Record({} octets)", self.len)
    }
}

impl Record {
    /// A record with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The octets, keys included: to be sealed. Empty before the first [`export`] and after a refused one.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.octets.expose().get(..self.len).unwrap_or_default()
    }

    /// Overwrites the octets with zeros.
    pub fn wipe(&mut self) {
        self.octets.wipe();
        self.len = 0;
    }

    pub(super) fn push(&mut self, octets: &[u8]) -> Result<()> {
        let end = self.len + octets.len();
        self.octets
            .expose_mut()
            .get_mut(self.len..end)
            .ok_or(Error::TooLong)?
            .copy_from_slice(octets);
        self.len = end;
        Ok(())
    }

    pub(super) fn set_length(&mut self, length: u16) {
        self.octets.expose_mut()[6..8].copy_from_slice(&length.to_be_bytes());
    }
}

/// Writes a session down. From then on the record is the one that counts: the session sends and accepts nothing more
/// ([`Error::Conflict`]) until [`resume_after_failed_transfer`], or until it is released.
///
/// What a running procedure keeps for itself (a message to retransmit) is not in the record, because none runs; a run of
/// network slice-specific authentication is due again when the record is taken up.
///
/// # Errors
/// [`Error::Conflict`] while a key-changing procedure runs (TS 33.501 6.9.5; an export counts as one);
/// [`Error::NoContext`] when there is nothing to write down; those of [`Table::lock`]. The session is unchanged
/// and `out` is empty then.
pub fn export(table: &Table, handle: Handle, extent: Extent, out: &mut Record) -> Result<()> {
    out.wipe();
    // The room before the session: see `slices`. It stays locked, so that its state and the COUNTs are of one moment.
    let room = table.slice_room(handle);
    let half = room.as_deref().map(lock).transpose()?;
    let slices = stored_slices(half.as_deref(), extent)?;
    let done = export_locked(table, handle, (extent, slices.as_deref()), out);
    if let (Ok(()), Some(room)) = (done, &room) {
        room.close(true);
    }
    done
}

fn export_locked(
    table: &Table,
    handle: Handle,
    (extent, slices): (Extent, Option<&[u8]>),
    out: &mut Record,
) -> Result<()> {
    let mut guard = table.lock(handle)?;
    let ue = &mut guard.security;
    if ue.key_change().is_some() {
        return Err(Error::Conflict);
    }
    if contexts(ue, extent).next().is_none() {
        return Err(Error::NoContext);
    }
    write(ue, extent, slices, out).inspect_err(|_| out.wipe())?;
    ue.begin_key_change(KeyChange::Exported)
        .inspect_err(|_| out.wipe())
}

/// What network slice-specific authentication knows of the UE.
fn stored_slices(half: Option<&SliceHalf>, extent: Extent) -> Result<Option<Slices>> {
    let Some(SliceHalf::Amf(amf)) = half else {
        return Ok(None);
    };
    let kept = match extent {
        Extent::Contexts => Kept::Statuses,
        Extent::Connections => Kept::All,
    };
    amf.store(kept).map(Some)
}

/// The transfer failed or was cancelled and nobody took the record up: the session sends again, from the COUNTs
/// that it stopped at. Calling this although the record was taken up uses COUNTs twice.
///
/// # Errors
/// [`Error::Unexpected`] when nothing was exported; those of [`Table::lock`].
pub fn resume_after_failed_transfer(table: &Table, handle: Handle) -> Result<()> {
    table
        .lock(handle)?
        .security
        .end_key_change(KeyChange::Exported)?;
    table.close_slices(handle, false);
    Ok(())
}

/// Takes up a session from its record.
///
/// # Errors
/// [`Error::Record`] for a record that is cut short, damaged, of another version, or that no export writes;
/// [`Error::KeyReused`] when a session of this table holds one of its keys, or held it at a higher COUNT;
/// [`Error::TableFull`], [`Error::SideFull`]. Nothing has changed then.
pub fn import(table: &Table, record: &[u8]) -> Result<Handle> {
    take_up(table, record, &|_, stored| Ok(stored))
}

/// What becomes of a context on its way from a record into a session.
pub(super) type Change<'a> = &'a dyn Fn(Role, StoredContext) -> Result<StoredContext>;

/// [`import`], with contexts changed on the way.
///
/// # Errors
/// As [`import`], and those of `change`.
pub(super) fn take_up(table: &Table, record: &[u8], change: Change<'_>) -> Result<Handle> {
    let (reader, header) = Reader::open(record)?;
    let handle = table.establish(header.role)?;
    let filled = fill(table.lock(handle)?, (reader, header), change);
    let filled = filled.and_then(|slices| match slices {
        Some(amf) => table.make_slice_room(handle, SliceHalf::Amf(Box::new(amf))),
        None => Ok(()),
    });
    match filled {
        Ok(()) => Ok(handle),
        Err(error) => {
            table.release(handle)?;
            Err(error)
        }
    }
}

/// The keys of a record that have COUNTs of their own, by role.
///
/// # Errors
/// [`Error::Record`].
#[cfg(all(feature = "survive", target_os = "linux"))]
pub(super) fn keys(record: &[u8]) -> Result<(Role, Vec<crate::kdf::KAmf>)> {
    let (mut reader, header) = Reader::open(record)?;
    if header.nh {
        reader.nh()?;
    }
    if header.connections {
        reader.connection()?;
        reader.connection()?;
    }
    let mut keys = Vec::new();
    for _ in 0..header.contexts {
        let stored = reader.context()?;
        if stored.counts.is_some() {
            keys.push(stored.identity.k_amf);
        }
    }
    if header.slices {
        reader.slices()?;
    }
    reader.finish()?;
    Ok((header.role, keys))
}

fn fill(
    mut guard: Guard<'_>,
    from: (Reader<'_>, Header),
    change: Change<'_>,
) -> Result<Option<Amf>> {
    let side = guard.resources().side;
    let result = read(&mut guard.security, from, (side, change));
    let result = result.and_then(|slices| guard.claim_keys().map(|()| slices));
    if result.is_err() {
        // Before the lock goes: no key of a refused record may count as held.
        guard.security.clear(side);
    }
    result
}

/// Puts a session's contexts and connections back, COUNTs as the record has them. What network slice-specific
/// authentication knew is not in a record of this kind.
#[cfg_attr(not(all(feature = "survive", target_os = "linux")), allow(dead_code))]
pub(super) fn read_into(ue: &mut UeSecurity, record: &[u8], side: &SidePool) -> Result<()> {
    let (reader, header) = Reader::open(record)?;
    if header.role != ue.role() {
        return Err(Error::Record);
    }
    read(ue, (reader, header), (side, &|_, stored| Ok(stored))).map(drop)
}

fn read(
    ue: &mut UeSecurity,
    (mut reader, header): (Reader<'_>, Header),
    (side, change): (&SidePool, Change<'_>),
) -> Result<Option<Amf>> {
    if header.nh {
        ue.resume_nh(reader.nh()?);
    }
    let mut connections = [StoredAccess::default(); 2];
    if header.connections {
        connections = [reader.connection()?, reader.connection()?];
    }
    let mut last = None;
    for _ in 0..header.contexts {
        let stored = reader.context()?;
        let place = stored.place as u8;
        if last.is_some_and(|last| last >= place) {
            return Err(Error::Record);
        }
        last = Some(place);
        ue.resume_context(change(header.role, stored)?, side)?;
    }
    let slices = if header.slices {
        Some(restored(reader.slices()?)?)
    } else {
        None
    };
    reader.finish()?;
    if last.is_none() {
        return Err(Error::Record);
    }
    for (access, state) in AccessType::ALL.into_iter().zip(connections) {
        ue.resume_access(access, state)?;
    }
    // One access at most waits, and only then there is a context for it to wait with.
    let waiting = connections.iter().filter(|state| state.on_previous).count();
    if waiting != usize::from(ue.context(Place::Previous).is_some()) {
        return Err(Error::Record);
    }
    Ok(slices)
}

pub(super) fn write(
    ue: &UeSecurity,
    extent: Extent,
    slices: Option<&[u8]>,
    out: &mut Record,
) -> Result<()> {
    let connections = extent == Extent::Connections;
    let header = Header {
        role: ue.role(),
        nh: ue.nh().is_some(),
        connections,
        slices: slices.is_some(),
        contexts: contexts(ue, extent).count() as u8,
    };
    let mut writer = Writer::new(out, header)?;
    if let Some(nh) = ue.nh() {
        writer.nh(nh)?;
    }
    if connections {
        for access in AccessType::ALL {
            writer.connection(ue.access_state(access))?;
        }
    }
    for (place, context) in contexts(ue, extent) {
        writer.context(place, context)?;
    }
    if let Some(slices) = slices {
        writer.slices(slices)?;
    }
    writer.finish()
}

/// The contexts that go into the record, by ascending place.
fn contexts(ue: &UeSecurity, extent: Extent) -> impl Iterator<Item = (Place, &Context)> {
    Place::ALL
        .into_iter()
        .filter_map(move |place| match extent {
            Extent::Connections => Some((place, ue.context(place)?)),
            Extent::Contexts => Some((place, transferred(ue, place)?)),
        })
}

/// The context that plays the part `place` once no NAS connection is left.
fn transferred(ue: &UeSecurity, place: Place) -> Option<&Context> {
    let own = |place| ue.context(place).filter(|context| !context.shares_counts());
    match place {
        Place::Current => own(Place::Current),
        Place::Candidate => own(Place::Candidate),
        Place::Previous => None,
        Place::NonCurrent => own(Place::NonCurrent).or_else(|| {
            let mapped = own(Place::Current).is_some_and(|current| current.kind() == Kind::Mapped);
            own(Place::Previous).filter(|previous| mapped && previous.kind() == Kind::Native)
        }),
    }
}
