//! Why a message or a security mode procedure failed: a code for every row of the field's failure table, and the
//! trials that tell the causes of a bad MAC apart.

use crate::algorithm::{self, MacLane};
use crate::base::AccessType;
use crate::base::secret::ct_eq;
use crate::nas::{Pdu, header};

use super::ue::{Place, Settings, UeSecurity};
use crate::algorithm::Input;

/// The likely cause of a failure. The numbers are those of the C ABI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Diagnosis {
    /// Nothing failed.
    #[default]
    None = 0,
    /// The UE said cause 23: the replayed capability is not the one it sent.
    CapsMismatch = 1,
    /// The UE said cause 24: it could not verify the command, or an algorithm is not acceptable to it.
    KeyOrCount = 2,
    /// The selected algorithm is not in the UE's capability; nothing was sent.
    AlgNotInCaps = 3,
    /// NIA0 outside an emergency session; nothing was sent.
    NullIntegrityForbidden = 4,
    /// No answer to the command and its retransmissions.
    SmcTimeout = 5,
    /// Uplink messages after the procedure do not verify, and no trial explains it.
    ContextSkew = 6,
    /// The message verifies under the context used before.
    OldContextStillUsed = 7,
    /// The message verifies with the BEARER of the other access.
    WrongAccess = 8,
    /// The message verifies 256 or 512 COUNTs away.
    CountDesync = 9,
    /// The MAC verifies, the content is garbage.
    CipherSkew = 10,
    /// The message was accepted before: COUNTs were reset at one side, or somebody replays.
    CountResetAtOneSide = 11,
    /// Plain or not ciphered where ciphering is in force.
    UnprotectedAfterSecure = 12,
    /// No uplink message after SECURITY MODE COMPLETE.
    StallAfterComplete = 13,
    /// A downlink message after SECURITY MODE COMPLETE was not ciphered.
    DlCipherNotStarted = 14,
    /// The NAS message container holds another message than the procedure's.
    ContainerMismatch = 15,
    /// The NAS message container is missing although it was asked for.
    ContainerMissing = 16,
    /// A security mode command before authentication is finished.
    OutOfOrder = 17,
    /// SECURITY MODE COMPLETE without a command.
    UnexpectedComplete = 18,
    /// The ngKSI of the command is not that of the last authentication.
    NgKsiMismatch = 19,
    /// The command was sent many times without a good answer.
    SmcLoop = 20,
    /// Two contexts alternate for one UE.
    ContextPingpong = 21,
    /// SERVICE REQUESTs of this UE do not verify.
    ServiceUnverified = 22,
    /// Downlink COUNT runs ahead without uplink messages.
    RetransmissionStorm = 23,
    /// COUNT passed a warning threshold.
    CountNearWrap = 24,
    /// COUNT is used up.
    CountExhausted = 25,
    /// A procedure collided with this one (TS 24.501 5.4.2.7).
    Collision = 26,
}

impl Diagnosis {
    /// Every code, in the order of the numbers.
    pub const ALL: [Self; 27] = [
        Self::None,
        Self::CapsMismatch,
        Self::KeyOrCount,
        Self::AlgNotInCaps,
        Self::NullIntegrityForbidden,
        Self::SmcTimeout,
        Self::ContextSkew,
        Self::OldContextStillUsed,
        Self::WrongAccess,
        Self::CountDesync,
        Self::CipherSkew,
        Self::CountResetAtOneSide,
        Self::UnprotectedAfterSecure,
        Self::StallAfterComplete,
        Self::DlCipherNotStarted,
        Self::ContainerMismatch,
        Self::ContainerMissing,
        Self::OutOfOrder,
        Self::UnexpectedComplete,
        Self::NgKsiMismatch,
        Self::SmcLoop,
        Self::ContextPingpong,
        Self::ServiceUnverified,
        Self::RetransmissionStorm,
        Self::CountNearWrap,
        Self::CountExhausted,
        Self::Collision,
    ];

    /// The code in capitals, as the field's failure table spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::CapsMismatch => "CAPS_MISMATCH",
            Self::KeyOrCount => "KEY_OR_COUNT",
            Self::AlgNotInCaps => "ALG_NOT_IN_CAPS",
            Self::NullIntegrityForbidden => "NULL_INTEGRITY_FORBIDDEN",
            Self::SmcTimeout => "SMC_TIMEOUT",
            Self::ContextSkew => "CONTEXT_SKEW",
            Self::OldContextStillUsed => "OLD_CONTEXT_STILL_USED",
            Self::WrongAccess => "WRONG_ACCESS",
            Self::CountDesync => "COUNT_DESYNC",
            Self::CipherSkew => "CIPHER_SKEW",
            Self::CountResetAtOneSide => "COUNT_RESET_AT_ONE_SIDE",
            Self::UnprotectedAfterSecure => "UNPROTECTED_AFTER_SECURE",
            Self::StallAfterComplete => "STALL_AFTER_COMPLETE",
            Self::DlCipherNotStarted => "DL_CIPHER_NOT_STARTED",
            Self::ContainerMismatch => "CONTAINER_MISMATCH",
            Self::ContainerMissing => "CONTAINER_MISSING",
            Self::OutOfOrder => "OUT_OF_ORDER",
            Self::UnexpectedComplete => "UNEXPECTED_COMPLETE",
            Self::NgKsiMismatch => "NGKSI_MISMATCH",
            Self::SmcLoop => "SMC_LOOP",
            Self::ContextPingpong => "CONTEXT_PINGPONG",
            Self::ServiceUnverified => "SERVICE_UNVERIFIED",
            Self::RetransmissionStorm => "RETRANSMISSION_STORM",
            Self::CountNearWrap => "COUNT_NEAR_WRAP",
            Self::CountExhausted => "COUNT_EXHAUSTED",
            Self::Collision => "COLLISION",
        }
    }
}

/// Tries what an engineer tries by hand on a message whose MAC failed: the other contexts of the UE, the other
/// access, COUNT 256 and 512 away. Says why, accepts nothing, changes nothing. Up to 20 MACs: for failures that
/// somebody looks at, not for every forged message.
#[must_use]
pub fn diagnose(ue: &UeSecurity, access: AccessType, pdu: &[u8], settings: &Settings) -> Diagnosis {
    let Ok(Pdu::Protected(protected)) = Pdu::parse(pdu) else {
        return Diagnosis::UnprotectedAfterSecure;
    };
    let sn = protected.sn();
    let in_use = ue.in_use(access);
    let verifies = |place: Place, access: AccessType, shift: i64| {
        let Some(pair) = ue.pair(place, access) else {
            return false;
        };
        let Some(forward) = pair.receive.estimate(sn, settings.out_of_order).forward else {
            return false;
        };
        let Some(count) = u32::try_from(i64::from(forward) + shift).ok() else {
            return false;
        };
        matches(ue, place, (access, count), pdu)
    };
    for shift in [-256, 0, 256, 512, -512] {
        if verifies(in_use, access, shift) {
            return match shift {
                0 => Diagnosis::None,
                -256 => Diagnosis::CountResetAtOneSide,
                _ => Diagnosis::CountDesync,
            };
        }
    }
    for place in Place::ALL {
        if place != in_use
            && [0, -256]
                .into_iter()
                .any(|shift| verifies(place, access, shift))
        {
            return Diagnosis::OldContextStillUsed;
        }
    }
    for place in Place::ALL {
        if [0, -256]
            .into_iter()
            .any(|shift| verifies(place, access.other(), shift))
        {
            return Diagnosis::WrongAccess;
        }
    }
    Diagnosis::ContextSkew
}

fn matches(ue: &UeSecurity, place: Place, (access, count): (AccessType, u32), pdu: &[u8]) -> bool {
    let Some(Ok(keys)) = ue.context(place).map(|context| context.keys()) else {
        return false;
    };
    let input = Input {
        count,
        bearer: access.bearer(),
        direction: ue.role().receives(),
    };
    let (Some(message), Some(mac)) = (pdu.get(header::SN..), pdu.get(header::MAC)) else {
        return false;
    };
    let mut lane = [MacLane::new(keys.int, input, message)];
    algorithm::mac(keys.algorithms.nia, &mut lane);
    keys.algorithms.nia != algorithm::Nia::Nia0 && ct_eq(&lane[0].mac, mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_in_the_list_is_the_number() {
        for (number, diagnosis) in Diagnosis::ALL.into_iter().enumerate() {
            assert_eq!(diagnosis as usize, number);
        }
    }
}
