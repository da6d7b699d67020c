//! Which context and which COUNT a PDU may have, and what becomes of one that cannot be verified (TS 24.501 4.4.3.1,
//! 4.4.4.2, 4.4.4.3).

use crate::algorithm::Nia;
use crate::base::{AccessType, Error};
use crate::nas::{self, FollowUp, InitialMessage, Pdu, SecurityHeaderType, Situation};
use crate::security::context::Role;
use crate::security::count::Behind;
use crate::security::ue::{KeyChange, Place, Settings, Stamp, UeSecurity};

use super::Verdict;

/// What the caller waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Anything but a message of the security mode procedure with a new context.
    Any,
    /// AMF: also SECURITY MODE COMPLETE (header type 4) under the context in this place.
    Complete(Place),
    /// UE: a SECURITY MODE COMMAND (header type 3) under the context in this place.
    Command(Place),
}

/// A protected message with the COUNTs that it may have.
#[derive(Clone, Copy, Debug)]
pub struct Estimated {
    pub(super) access: AccessType,
    pub(super) sht: SecurityHeaderType,
    pub(super) sn: u8,
    pub(super) place: Place,
    pub(super) forward: u32,
    pub(super) behind: Option<Behind>,
    pub(super) null: bool,
    pub(super) stamp: Stamp,
}

/// Finds the context and the COUNT for a PDU as it came from NGAP. A plain message ends here, with its verdict.
///
/// # Errors
/// The verdict of a message that cannot be verified; see [`Verdict::result`].
// In the pass, for the reason that `number_in` has.
#[inline(always)]
pub fn estimate(
    ue: &UeSecurity,
    access: AccessType,
    (pdu, expect): (&[u8], Expect),
    settings: &Settings,
) -> core::result::Result<Estimated, Verdict> {
    let protected = match Pdu::parse(pdu) {
        Err(error) => return Err(Verdict::refused(error)),
        Ok(Pdu::Plain(_)) => return Err(plain(ue, access, pdu)),
        Ok(Pdu::Protected(protected)) => protected,
    };
    let sht = protected.sht();
    let refuse = |error| Err(unverified(ue, access, pdu, error));
    // Else this side and the one that took the record up would accept the same COUNT.
    if ue.key_change() == Some(KeyChange::Exported) {
        return refuse(Error::Conflict);
    }
    let place = match (sht, expect) {
        (SecurityHeaderType::CipheredNew, Expect::Complete(place))
        | (SecurityHeaderType::IntegrityNew, Expect::Command(place)) => place,
        (
            SecurityHeaderType::Integrity | SecurityHeaderType::Ciphered,
            Expect::Any | Expect::Complete(_),
        ) => named(ue, access, protected.body(), sht),
        _ => return refuse(Error::HeaderType),
    };
    let keys = match ue
        .context(place)
        .ok_or(Error::NoContext)
        .and_then(|context| {
            context.ask_to_verify();
            context.keys()
        }) {
        Ok(keys) => keys,
        Err(error) => return refuse(error),
    };
    let Some(pair) = ue.pair(place, access) else {
        return refuse(Error::NoContext);
    };
    let null = keys.algorithms.nia == Nia::Nia0;
    let sn = protected.sn();
    let found = pair.receive.estimate(sn, settings.out_of_order);
    let forward = match found.forward {
        Some(count) => count,
        None if null => 0,
        None => return refuse(Error::CountExhausted),
    };
    Ok(Estimated {
        access,
        sht,
        sn,
        place,
        forward,
        behind: found.behind,
        null,
        stamp: ue.stamp,
    })
}

/// The context that protects an ordinary message on this access. An initial message that is not ciphered says its
/// ngKSI, and may name the full native non-current context (TS 33.501 6.8.1.2.0).
fn named(ue: &UeSecurity, access: AccessType, body: &[u8], sht: SecurityHeaderType) -> Place {
    let in_use = ue.in_use(access);
    if sht == SecurityHeaderType::Integrity
        && ue.role() == Role::Amf
        && ue.key_change().is_none()
        && ue.context(Place::Previous).is_none()
        && let Some(spare) = ue
            .context(Place::NonCurrent)
            .filter(|c| c.algorithms().is_some())
        && ue
            .context(in_use)
            .is_none_or(|c| c.ng_ksi() != spare.ng_ksi())
        && InitialMessage::parse(body).is_ok_and(|initial| initial.ng_ksi == spare.ng_ksi())
    {
        return Place::NonCurrent;
    }
    in_use
}

/// `protected`: the message came protected, so its context exists or was lost.
fn situation(ue: &UeSecurity, access: AccessType, protected: bool) -> Situation {
    if ue.secured(access) {
        Situation::SecureExchange
    } else if protected || ue.context(Place::Current).is_some() {
        Situation::ContextUnverified
    } else {
        Situation::NoContext
    }
}

fn plain(ue: &UeSecurity, access: AccessType, pdu: &[u8]) -> Verdict {
    let mut verdict = Verdict::refused(Error::PlainRefused);
    verdict.sht = Some(SecurityHeaderType::Plain);
    let message_type = match nas::inner_type(pdu) {
        Ok(message_type) => message_type,
        Err(error) => {
            verdict.result = Err(error);
            return verdict;
        }
    };
    verdict.message_type = Some(message_type);
    let allowed = match ue.role() {
        Role::Amf => nas::accepted_unprotected_uplink(message_type, situation(ue, access, false)),
        Role::Ue => !ue.secured(access) && nas::accepted_unprotected_downlink(pdu),
    };
    if allowed {
        verdict.result = Err(Error::PlainAllowed);
        verdict.follow_up = if ue.role() == Role::Amf {
            FollowUp::of(pdu)
        } else {
            FollowUp::None
        };
    }
    verdict
}

/// A message that did not verify: says its type where it is not ciphered, and what may be done with it.
pub(super) fn unverified(ue: &UeSecurity, access: AccessType, pdu: &[u8], error: Error) -> Verdict {
    let mut verdict = Verdict::refused(error);
    let Ok(Pdu::Protected(protected)) = Pdu::parse(pdu) else {
        return verdict;
    };
    verdict.sht = Some(protected.sht());
    let clear = matches!(
        protected.sht(),
        SecurityHeaderType::Integrity | SecurityHeaderType::IntegrityNew
    );
    if !clear {
        return verdict;
    }
    let Ok(message_type) = nas::inner_type(protected.body()) else {
        return verdict;
    };
    verdict.message_type = Some(message_type);
    if ue.role() == Role::Amf
        && error != Error::Replay
        && protected.sht() == SecurityHeaderType::Integrity
        && nas::accepted_unprotected_uplink(message_type, situation(ue, access, true))
    {
        verdict.follow_up = FollowUp::of(protected.body());
    }
    verdict
}
