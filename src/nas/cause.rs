//! 5GMM causes (TS 24.501 9.11.3.2).

use core::fmt;

/// 5GMM cause value. Any octet is representable: a receiver treats an unknown one as #111.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cause(pub u8);

macro_rules! causes {
    ($($konst:ident $code:literal $name:literal;)*) => {
        impl Cause {
            $(#[doc = concat!("#", stringify!($code), " ", $name, ".")] pub const $konst: Self = Self($code);)*

            /// The standard's words, "unknown" for a value not listed here.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self.0 { $($code => $name,)* _ => "unknown" }
            }
        }
        #[cfg(test)]
        const CODES: &[u8] = &[$($code),*];
    };
}

causes! {
    ILLEGAL_UE 3 "illegal UE";
    PEI_NOT_ACCEPTED 5 "PEI not accepted";
    ILLEGAL_ME 6 "illegal ME";
    SERVICES_NOT_ALLOWED 7 "5GS services not allowed";
    IDENTITY_NOT_DERIVED 9 "UE identity cannot be derived by the network";
    IMPLICITLY_DEREGISTERED 10 "implicitly de-registered";
    PLMN_NOT_ALLOWED 11 "PLMN not allowed";
    MAC_FAILURE 20 "MAC failure";
    SYNCH_FAILURE 21 "synch failure";
    CONGESTION 22 "congestion";
    CAPABILITIES_MISMATCH 23 "UE security capabilities mismatch";
    SECURITY_MODE_REJECTED 24 "security mode rejected, unspecified";
    NON_5G_AUTHENTICATION 26 "non-5G authentication unacceptable";
    NO_SLICES 62 "no network slices available";
    NG_KSI_IN_USE 71 "ngKSI already in use";
    NOT_AUTHORIZED_FOR_CAG 76 "not authorized for this CAG or authorized for CAG cells only";
    PLMN_NOT_ALLOWED_AT_LOCATION 78 "PLMN not allowed to operate at the present UE location";
    N3IWF_NOT_COMPATIBLE 81 "selected N3IWF is not compatible with the allowed NSSAI";
    TNGF_NOT_COMPATIBLE 82 "selected TNGF is not compatible with the allowed NSSAI";
    SEMANTICALLY_INCORRECT 95 "semantically incorrect message";
    INVALID_MANDATORY 96 "invalid mandatory information";
    TYPE_NON_EXISTENT 97 "message type non-existent or not implemented";
    TYPE_NOT_COMPATIBLE 98 "message type not compatible with the protocol state";
    IE_NON_EXISTENT 99 "information element non-existent or not implemented";
    CONDITIONAL_IE 100 "conditional IE error";
    MESSAGE_NOT_COMPATIBLE 101 "message not compatible with the protocol state";
    PROTOCOL_ERROR 111 "protocol error, unspecified";
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {}", self.0, self.name())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_sorted_and_named() {
        assert!(CODES.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(CODES.iter().all(|&code| Cause(code).name() != "unknown"));
        assert_eq!(Cause(0).name(), "unknown");
        assert_eq!(Cause::CAPABILITIES_MISMATCH.0, 23);
    }
}
