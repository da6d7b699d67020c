//! The last stage: a message that passed changes its session.

use crate::base::Error;
use crate::nas::{MessageType, SecurityHeaderType};
use crate::security::binding::{Changed, Resources};
use crate::security::context::Role;
use crate::security::ue::{AsCount, LastVerified, Place, Settings, UeSecurity};

use super::{Checked, Verdict};

/// Accepts a checked message: its COUNT can never be accepted again.
///
/// Returns the verdict, which is [`Error::Replay`] when the same COUNT was accepted since the estimate, and
/// [`Error::Unexpected`] when a context came or went since, or for another UE than that of the estimate.
pub fn commit(ue: &mut UeSecurity, checked: Checked, settings: &Settings) -> Verdict {
    commit_in(ue, checked, (settings, None))
}

/// As [`commit`], for a UE whose COUNTs are written down ([`Resources::book`]); [`Error::Unexpected`] without a book
/// where there must be one.
pub fn commit_in(
    ue: &mut UeSecurity,
    checked: Checked,
    (settings, book): (&Settings, Option<&Resources<'_>>),
) -> Verdict {
    let (estimated, mut verdict, sum) = match checked.0 {
        Ok(passed) => passed,
        Err(verdict) => return verdict,
    };
    if estimated.stamp != ue.stamp {
        return Verdict::refused(Error::Unexpected);
    }
    let bound = match ue.bind(estimated.place, book) {
        Ok(bound) => bound,
        Err(error) => return Verdict::refused(error),
    };
    let Some(pair) = ue.pair_mut(estimated.place, estimated.access) else {
        return Verdict::refused(Error::NoContext);
    };
    let count = verdict.count.unwrap_or_default();
    if estimated.null {
        verdict.count = Some(pair.receive.follow_null_integrity(estimated.sn));
    } else if let Err(error) = pair.receive.accept(count, settings.out_of_order) {
        return Verdict {
            sht: verdict.sht,
            count: verdict.count,
            ..Verdict::refused(error)
        };
    }
    if let Some((book, cell)) = bound {
        book.accept((cell, estimated.access), pair.receive.next_min());
    }
    if estimated.place == Place::NonCurrent {
        ue.take_non_current();
        verdict.place = Some(Place::Current);
    }
    let initial = verdict.message_type.is_some_and(MessageType::is_initial);
    let answered = ue.role() == Role::Ue && estimated.sht == SecurityHeaderType::Ciphered;
    let state = &mut ue.access[estimated.access.index()];
    let mut changed = answered && !state.secured;
    // The AMF answered the initial message protected: secure exchange is up for the UE too (TS 24.501 4.4.2.5).
    state.secured |= answered;
    if initial && ue_receives_initial(estimated.sht) && !state.secured {
        state.initial_accepted = true;
        state.as_count = verdict.count.and_then(AsCount::new);
        changed = true;
    }
    state.last = verdict.place.map(|place| LastVerified {
        count: verdict.count.unwrap_or_default(),
        place,
        whole_ciphered_new: estimated.sht == SecurityHeaderType::CipheredNew,
        sum,
    });
    if changed {
        ue.changed.add(Changed::STATE);
    }
    verdict
}

/// Initial messages come with header type 1, or with 2 in connected mode (TS 24.501 4.4.6).
const fn ue_receives_initial(sht: SecurityHeaderType) -> bool {
    matches!(
        sht,
        SecurityHeaderType::Integrity | SecurityHeaderType::Ciphered
    )
}
