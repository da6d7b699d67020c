//! The state as octets, for the record of a session. Version 1:
//!
//! ```text
//! 0  version (1)
//! 1  flags: bit 0 accesses follow, bit 1 the UE supports NSSAA, bit 2 Extended rejected NSSAI
//! 2  EAP identifier used last (1)
//! 3  length of the GPSI (2) and the GPSI
//!    number of slices (1), 0..=32
//!    each: flags (1): bit 0 subscribed, 1 subject to NSSAA, 2 default, 3 run in place, 4 PDU sessions to release,
//!                     5 a result is owed to the UE;
//!          status (1), 0 absent; length of the slice (1) and its value as in an NSSAI;
//!          with accesses: two bits each for asked, barred, rejected, to tell (1), cause (1), and the result owed:
//!          access (1), EAP message (4)
//!    with accesses, for 3GPP, then non-3GPP: bit 0 registered, bit 1 update owed, bit 2 de-registration owed (1)
//! ```
//!
//! A run under way is not stored: its slice is pending and its run due. Timers are not either: what waits begins anew.

use arrayvec::ArrayVec;

use crate::base::{AccessType, Error, Result};
use crate::nas::nssaa::{EapCode, EapMessage, RejectionCause, Slice};

use super::amf::{Access, Amf};
use super::event::Status;
use super::policy::GPSI_MAX;
use super::slices::{Accesses, Entry, KEPT, Owed};

const VERSION: u8 = 1;
const ENTRY_MAX: usize = 3 + Slice::MAX + 2 + 5;

/// Octets of the longest record.
pub const RECORD_MAX: usize = 3 + 2 + GPSI_MAX + 1 + KEPT * ENTRY_MAX + 2;

/// How much of the state is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Subscription and statuses, as another AMF takes them over (nssaaStatusList).
    Statuses,
    /// The registrations too, for storage that the same AMF takes the UE from.
    All,
}

type Octets = ArrayVec<u8, RECORD_MAX>;

fn put(out: &mut Octets, octets: &[u8]) -> Result<()> {
    out.try_extend_from_slice(octets)
        .map_err(|_| Error::TooLong)
}

fn bits(flags: &[bool]) -> u8 {
    flags
        .iter()
        .enumerate()
        .fold(0, |all, (bit, set)| all | u8::from(*set) << bit)
}

/// The lowest bits of an octet; the others must be 0.
fn flags<const N: usize>(octet: u8) -> Result<[bool; N]> {
    if usize::from(octet) >> N != 0 {
        return Err(Error::Record);
    }
    Ok(core::array::from_fn(|bit| octet >> bit & 1 != 0))
}

impl Amf {
    /// Writes the state down.
    ///
    /// # Errors
    /// [`Error::TooLong`], which cannot be.
    pub fn store(&self, kept: Kept) -> Result<ArrayVec<u8, RECORD_MAX>> {
        let all = kept == Kept::All;
        let mut out = Octets::new();
        let head = bits(&[all, self.nssaa_supported, self.extended_rejected]);
        put(&mut out, &[VERSION, head, self.identifier])?;
        put(&mut out, &(self.gpsi.len() as u16).to_be_bytes())?;
        put(&mut out, self.gpsi.as_bytes())?;
        let stored = |entry: &&Entry| all || entry.subscribed;
        put(&mut out, &[self.slices.iter().filter(stored).count() as u8])?;
        for entry in self.slices.iter().filter(stored) {
            store(entry, all, &mut out)?;
        }
        if all {
            for access in AccessType::ALL {
                let at = self.at(access);
                // What was told and not acknowledged is owed again.
                let told = self.slices.iter().any(|entry| entry.told.has(access));
                let update = at.update || told && at.registered && !at.leave;
                put(&mut out, &[bits(&[at.registered, update, at.leave])])?;
            }
        }
        Ok(out)
    }

    /// Takes the state up. The UE is CM-IDLE everywhere; a run that was under way is due.
    ///
    /// # Errors
    /// [`Error::Record`] for octets that [`Amf::store`] does not write, or of another version.
    pub fn restore(octets: &[u8]) -> Result<Self> {
        let mut reader = Reader(octets);
        let [version, head, identifier] = reader.take()?;
        if version != VERSION {
            return Err(Error::Record);
        }
        let [all, nssaa_supported, extended_rejected] = flags(head)?;
        let mut amf = Self::empty();
        amf.identifier = identifier;
        amf.nssaa_supported = nssaa_supported;
        amf.extended_rejected = extended_rejected;
        let len = usize::from(u16::from_be_bytes(reader.take()?));
        let gpsi = std::str::from_utf8(reader.slice(len)?).map_err(|_| Error::Record)?;
        if len > GPSI_MAX {
            return Err(Error::Record);
        }
        amf.gpsi = gpsi.into();
        let [count] = reader.take()?;
        for _ in 0..count {
            let entry = restore(&mut reader, all)?;
            let unnamed = entry.requires && amf.gpsi.is_empty();
            if unnamed || amf.slices.get(entry.key()).is_some() || !amf.slices.add(entry) {
                return Err(Error::Record);
            }
        }
        if all {
            for access in &mut amf.accesses {
                let [octet] = reader.take()?;
                let [registered, update, leave] = flags(octet)?;
                if !registered && (update || leave) {
                    return Err(Error::Record);
                }
                *access = Access {
                    registered,
                    update,
                    leave,
                    ..Access::default()
                };
            }
        }
        if reader.0.is_empty() {
            Ok(amf)
        } else {
            Err(Error::Record)
        }
    }

    /// The next question gets the number after this one. For a state that was restored: an answer to a question of
    /// before, which may still be on its way, must not find its number in use.
    pub fn number_from(&mut self, transaction: u32) {
        self.transaction = transaction;
    }
}

fn store(entry: &Entry, all: bool, out: &mut Octets) -> Result<()> {
    let owed = entry.result.filter(|_| all);
    let head = bits(&[
        entry.subscribed,
        entry.requires,
        entry.default,
        entry.in_place,
        all && entry.release,
        owed.is_some(),
    ]);
    let (value, len) = entry.slice.value();
    let status = entry.status.map_or(0, |status| status as u8);
    put(out, &[head, status, len as u8])?;
    put(out, &value[..len])?;
    if !all {
        return Ok(());
    }
    // What was told and not acknowledged is told again.
    let tell = entry.tell.0 | entry.told.0;
    let sets = entry.asked.0 | entry.barred.0 << 2 | entry.rejected.0 << 4 | tell << 6;
    put(out, &[sets, entry.cause.0])?;
    if let Some(Owed { access, eap }) = owed {
        put(out, &[access as u8])?;
        put(out, &eap)?;
    }
    Ok(())
}

fn restore(reader: &mut Reader<'_>, all: bool) -> Result<Entry> {
    let [head, status, len] = reader.take()?;
    let slice = Slice::from_value(reader.slice(usize::from(len))?).map_err(|_| Error::Record)?;
    let mut entry = Entry::new(slice);
    let owed;
    [
        entry.subscribed,
        entry.requires,
        entry.default,
        entry.in_place,
        entry.release,
        owed,
    ] = flags(head)?;
    if status != 0 {
        entry.status = Some(Status::from_number(status).ok_or(Error::Record)?);
    }
    entry.due = entry.status == Some(Status::Pending);
    let in_order = !entry.in_place || entry.due;
    if !in_order || entry.due && !entry.requires || !all && (owed || entry.release) {
        return Err(Error::Record);
    }
    if !all {
        return Ok(entry);
    }
    let [sets, cause] = reader.take()?;
    if cause > RejectionCause::MAXIMUM_UES.0 {
        return Err(Error::Record);
    }
    let set = |at: u8| Accesses(sets >> at & Accesses::BOTH);
    (entry.asked, entry.barred) = (set(0), set(2));
    (entry.rejected, entry.tell) = (set(4), set(6));
    entry.cause = RejectionCause(cause);
    if owed {
        let [access] = reader.take()?;
        let eap: [u8; 4] = reader.take()?;
        let code = EapMessage::parse(&eap).map_err(|_| Error::Record)?.code();
        if !matches!(code, EapCode::Success | EapCode::Failure) {
            return Err(Error::Record);
        }
        let access = AccessType::from_id(access).ok_or(Error::Record)?;
        entry.result = Some(Owed { access, eap });
    }
    Ok(entry)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (octets, rest) = self.0.split_first_chunk().ok_or(Error::Record)?;
        self.0 = rest;
        Ok(*octets)
    }

    fn slice(&mut self, len: usize) -> Result<&'a [u8]> {
        let (octets, rest) = self.0.split_at_checked(len).ok_or(Error::Record)?;
        self.0 = rest;
        Ok(octets)
    }
}
