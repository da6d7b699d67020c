//! Which messages count without valid integrity (TS 24.501 4.4.4.2, 4.4.4.3), and what an AMF does with them.

use super::header::inner_type;
use super::identity::IdentityType;
use super::initial::{InitialMessage, RegistrationType};
use super::{Cause, MessageType};

/// What protects a NAS signalling connection at the AMF when an unprotected or unverifiable message comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Situation {
    /// No current security context for this access, secure exchange not established.
    NoContext,
    /// The message names a security context, but its MAC fails or cannot be verified; secure exchange not
    /// established.
    ContextUnverified,
    /// Secure exchange of NAS messages is established on this access.
    SecureExchange,
}

/// True when an AMF may act on an uplink message without valid integrity (TS 24.501 4.4.4.3).
///
/// IDENTITY RESPONSE is on the list only as the answer to a request for the SUCI; what was asked the caller
/// knows.
#[must_use]
pub const fn accepted_unprotected_uplink(message: MessageType, situation: Situation) -> bool {
    match message {
        MessageType::REGISTRATION_REQUEST
        | MessageType::IDENTITY_RESPONSE
        | MessageType::AUTHENTICATION_RESPONSE
        | MessageType::AUTHENTICATION_FAILURE
        | MessageType::SECURITY_MODE_REJECT
        | MessageType::DEREGISTRATION_REQUEST_UE
        | MessageType::DEREGISTRATION_ACCEPT_NETWORK => {
            !matches!(situation, Situation::SecureExchange)
        }
        MessageType::SERVICE_REQUEST | MessageType::CONTROL_PLANE_SERVICE_REQUEST => {
            matches!(situation, Situation::ContextUnverified)
        }
        _ => false,
    }
}

/// True when a UE may act on this plain downlink message before secure exchange is established (TS 24.501
/// 4.4.4.2): IDENTITY REQUEST only for the SUCI, REGISTRATION REJECT not with cause #76, #78, #81 or #82,
/// SERVICE REJECT not with #76 or #78. After secure exchange is established no plain message is accepted.
///
/// DEREGISTRATION ACCEPT is on the list for a UE that did not switch off; which it did the UE knows.
#[must_use]
pub fn accepted_unprotected_downlink(message: &[u8]) -> bool {
    let Ok(message_type) = inner_type(message) else {
        return false;
    };
    let octet = message.get(3).copied();
    match message_type {
        MessageType::AUTHENTICATION_REQUEST
        | MessageType::AUTHENTICATION_RESULT
        | MessageType::AUTHENTICATION_REJECT
        | MessageType::DEREGISTRATION_ACCEPT_UE => true,
        MessageType::IDENTITY_REQUEST => {
            octet.map(IdentityType::from_octet) == Some(IdentityType::Suci)
        }
        MessageType::REGISTRATION_REJECT => octet.is_some_and(|cause| {
            !matches!(
                Cause(cause),
                Cause::NOT_AUTHORIZED_FOR_CAG
                    | Cause::PLMN_NOT_ALLOWED_AT_LOCATION
                    | Cause::N3IWF_NOT_COMPATIBLE
                    | Cause::TNGF_NOT_COMPATIBLE
            )
        }),
        MessageType::SERVICE_REJECT => octet.is_some_and(|cause| {
            !matches!(
                Cause(cause),
                Cause::NOT_AUTHORIZED_FOR_CAG | Cause::PLMN_NOT_ALLOWED_AT_LOCATION
            )
        }),
        _ => false,
    }
}

/// What an AMF does next with an uplink message that it may act on although its MAC failed or could not be
/// verified (TS 24.501 4.4.4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FollowUp {
    /// Nothing special: the message belongs to a procedure that runs without integrity.
    None,
    /// Authenticate, then SECURITY MODE COMMAND with RINMR; do not process further on the unverified content.
    AuthenticateThenSmcRinmr,
    /// With an EPS NAS message container that the MME verified a mapped context may be created; otherwise as
    /// [`AuthenticateThenSmcRinmr`](Self::AuthenticateThenSmcRinmr).
    MappedOrAuthenticate,
    /// Emergency registration: authentication may be skipped, null algorithms are possible.
    EmergencyMaySkip,
    /// De-registration: authenticate first; when that is impossible the message may be ignored.
    AuthenticateOrIgnore,
    /// SERVICE REJECT with cause #9, plain; state and context stay. Only a UE with an emergency PDU session may
    /// be led on to a security mode command.
    ServiceRejectCause9,
    /// Discard and count; no state changes. Also for a de-registration because of switch-off: the UE stays
    /// registered.
    Discard,
}

impl FollowUp {
    /// The follow-up for a plain or integrity protected message in the clear. A message that cannot be read is
    /// [`Discard`](Self::Discard).
    #[must_use]
    pub fn of(message: &[u8]) -> Self {
        let Ok(message_type) = inner_type(message) else {
            return Self::Discard;
        };
        match message_type {
            MessageType::IDENTITY_RESPONSE
            | MessageType::AUTHENTICATION_RESPONSE
            | MessageType::AUTHENTICATION_FAILURE
            | MessageType::SECURITY_MODE_REJECT
            | MessageType::DEREGISTRATION_ACCEPT_NETWORK => Self::None,
            MessageType::SERVICE_REQUEST | MessageType::CONTROL_PLANE_SERVICE_REQUEST => {
                Self::ServiceRejectCause9
            }
            _ => InitialMessage::parse(message)
                .map_or(Self::Discard, |initial| Self::of_initial(&initial)),
        }
    }

    fn of_initial(initial: &InitialMessage<'_>) -> Self {
        use RegistrationType as R;
        match initial.registration_type() {
            Some(R::Emergency) => Self::EmergencyMaySkip,
            Some(R::Mobility | R::Periodic | R::DisasterMobility) if initial.eps_container => {
                Self::MappedOrAuthenticate
            }
            Some(_) => Self::AuthenticateThenSmcRinmr,
            None if initial.is_switch_off() => Self::Discard,
            None => Self::AuthenticateOrIgnore,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uplink_lists() {
        let seven = [0x41, 0x45, 0x48, 0x57, 0x59, 0x5C, 0x5F];
        for octet in 0..=255 {
            let message = MessageType(octet);
            let accepted = |situation| accepted_unprotected_uplink(message, situation);
            let listed = seven.contains(&octet);
            assert_eq!(accepted(Situation::NoContext), listed);
            assert_eq!(
                accepted(Situation::ContextUnverified),
                listed || octet == 0x4C || octet == 0x4F
            );
            assert!(!accepted(Situation::SecureExchange));
            assert!(!accepted(Situation::ContextUnverified) || message.is_uplink());
        }
    }

    #[test]
    fn downlink_list_with_its_exceptions() {
        for octet in 0..=255 {
            let message = MessageType(octet);
            let listed = [0x44, 0x46, 0x4D, 0x56, 0x58, 0x5A, 0x5B].contains(&octet);
            assert_eq!(accepted_unprotected_downlink(&[0x7E, 0, octet, 1]), listed);
            assert!(!listed || message.is_downlink());
            assert!(!accepted_unprotected_downlink(&[0x7E, 2, octet, 1]));
            let reject = !matches!(octet, 76 | 78 | 81 | 82);
            assert_eq!(
                accepted_unprotected_downlink(&[0x7E, 0, 0x44, octet]),
                reject
            );
            let reject = !matches!(octet, 76 | 78);
            assert_eq!(
                accepted_unprotected_downlink(&[0x7E, 0, 0x4D, octet]),
                reject
            );
            let suci = octet & 7 == 1;
            assert_eq!(accepted_unprotected_downlink(&[0x7E, 0, 0x5B, octet]), suci);
        }
        for octet in [0x44, 0x4D, 0x5B] {
            assert!(!accepted_unprotected_downlink(&[0x7E, 0, octet]));
        }
        assert!(!accepted_unprotected_downlink(&[]));
    }

    #[test]
    fn follow_up_of_each_message() {
        let registration = |kind: u8| FollowUp::of(&[0x7E, 0, 0x41, kind, 0, 1, 0]);
        let from_eps = |kind: u8| FollowUp::of(&[0x7E, 0, 0x41, kind, 0, 1, 0, 0x70, 0, 1, 7]);
        for kind in 0..=255 {
            let (plain, eps) = match kind & 7 {
                4 => (FollowUp::EmergencyMaySkip, FollowUp::EmergencyMaySkip),
                2 | 3 | 6 => (
                    FollowUp::AuthenticateThenSmcRinmr,
                    FollowUp::MappedOrAuthenticate,
                ),
                _ => (
                    FollowUp::AuthenticateThenSmcRinmr,
                    FollowUp::AuthenticateThenSmcRinmr,
                ),
            };
            assert_eq!((registration(kind), from_eps(kind)), (plain, eps));
        }
        let dereg = |kind| FollowUp::of(&[0x7E, 0, 0x45, kind, 0, 1, 0]);
        assert_eq!(dereg(0x01), FollowUp::AuthenticateOrIgnore);
        assert_eq!(dereg(0x09), FollowUp::Discard);
        assert_eq!(
            FollowUp::of(&[0x7E, 0, 0x4C]),
            FollowUp::ServiceRejectCause9
        );
        assert_eq!(FollowUp::of(&[0x7E, 0, 0x57]), FollowUp::None);
        for discard in [
            &[0x7E, 0, 0x67, 1][..],
            &[0x7E, 0, 0x41],
            &[0x7E, 2, 0x41],
            &[],
        ] {
            assert_eq!(FollowUp::of(discard), FollowUp::Discard);
        }
    }
}
