//! A session is written down when its keys or connections change, and comes back when it is first asked for.

use zeroize::Zeroize;

use crate::base::{Error, Result};
use crate::procedure::smc::Half;
use crate::security::{Cell, KeyChange, Place, Resources, Role, UeSecurity};
use crate::session::layout::WITHOUT_SLICES;
use crate::session::record::{self, Extent, Record};
use crate::session::slot::Session;

use super::folder::Files;
use super::records::{Owner, PREFIX};

/// First octet in front of a record: the procedure that changed keys. One that an unanswered command ran is not kept:
/// its candidate goes back to its place; that of a handover stays.
const NO_KEY_CHANGE: u8 = 0;
const N2: u8 = 1;
const INTER_AMF: u8 = 2;
const EXPORTED: u8 = 3;
const HANDOVER: u8 = 4;

/// Second octet: the candidate was partial before its command.
const WAS_PARTIAL: u8 = 1;

/// Writes a session's record.
pub(super) fn write(files: &Files, owner: Owner, session: &Session) {
    let ue = &session.security;
    let mut octets = Vec::with_capacity(PREFIX + WITHOUT_SLICES);
    octets.push(match ue.key_change() {
        None | Some(KeyChange::SecurityMode) => NO_KEY_CHANGE,
        Some(KeyChange::N2) => N2,
        Some(KeyChange::InterAmfHandover) => INTER_AMF,
        Some(KeyChange::Exported) => EXPORTED,
        Some(KeyChange::Handover) => HANDOVER,
    });
    octets.push(match &session.smc {
        Half::Amf(amf) if amf.was_partial() => WAS_PARTIAL,
        _ => 0,
    });
    // Without contexts there is nothing to seal, and the prefix alone says so.
    let mut own = Record::new();
    if ue.contexts().next().is_some() {
        // Room for four contexts is all that could lack, and there is. Slices have records of their own.
        let _ = record::write(ue, Extent::Connections, None, &mut own);
        octets.extend_from_slice(own.as_bytes());
    }
    if let Some(last) = files.sequence(owner.0) {
        files.records().write(owner, last, &octets);
    }
    octets.zeroize();
}

/// Puts a session together again.
///
/// # Errors
/// [`Error::RekeyRequired`] when its record does not open or does not fit its line, or the directory is not trusted.
pub(super) fn wake(
    files: &Files,
    owner: Owner,
    (session, role): (&mut Session, Role),
    from: Resources<'_>,
) -> Result<()> {
    *session = Session::new(UeSecurity::new(role));
    session.security.write_down();
    let filled = fill(files, owner, &mut session.security, from);
    if filled.is_err() {
        session.security.clear(from.side);
    }
    filled.map_err(|_| Error::RekeyRequired)
}

fn fill(files: &Files, owner: Owner, ue: &mut UeSecurity, from: Resources<'_>) -> Result<()> {
    if !files.trusted() {
        return Err(Error::RekeyRequired);
    }
    let line = from.book.ok_or(Error::RekeyRequired)?.line();
    let used = |cell| match line.read(cell) {
        Ok(standing) => standing.next != [0; 2] || standing.floor != [0; 2],
        Err(error) => error != Error::NoContext,
    };
    let last = files.sequence(owner.0).ok_or(Error::RekeyRequired)?;
    let plain = match files.records().read(owner, last)? {
        Some(plain) => plain,
        // A key without a record came just before the crash, and nobody was told of it.
        None if Cell::ALL.into_iter().any(used) => return Err(Error::RekeyRequired),
        None => {
            ue.forget_keys();
            return Ok(());
        }
    };
    let (prefix, octets) = plain.split_at_checked(PREFIX).ok_or(Error::Record)?;
    if !octets.is_empty() {
        record::read_into(ue, octets, from.side)?;
        ue.resume_counts(&from)?;
    }
    // The candidate of a handover is not the engine's to withdraw: the UE may have taken it into use.
    if ue.context(Place::Candidate).is_some() && prefix[0] != HANDOVER {
        ue.withdraw_candidate(prefix[1] & WAS_PARTIAL != 0, from);
    }
    ue.settle(from.side);
    match prefix[0] {
        NO_KEY_CHANGE => Ok(()),
        N2 => ue.begin_key_change(KeyChange::N2),
        INTER_AMF => ue.begin_key_change(KeyChange::InterAmfHandover),
        EXPORTED => ue.begin_key_change(KeyChange::Exported),
        HANDOVER => ue.begin_key_change(KeyChange::Handover),
        _ => Err(Error::Record),
    }
}
