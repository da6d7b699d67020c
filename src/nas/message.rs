//! 5GMM message types (TS 24.501 9.7).

use core::fmt;

/// Message type octet of a 5GMM message. Any octet is representable; [`is_known`](Self::is_known) tells
/// whether the standard assigns it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageType(pub u8);

/// Who sends a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sender {
    Ue,
    Network,
    Either,
}

macro_rules! types {
    ($($konst:ident $code:literal $name:literal $sender:ident;)*) => {
        impl MessageType {
            $(#[doc = concat!($name, " (", stringify!($code), ").")] pub const $konst: Self = Self($code);)*
        }
        const TABLE: &[(MessageType, &str, Sender)] =
            &[$((MessageType::$konst, $name, Sender::$sender),)*];
    };
}

types! {
    REGISTRATION_REQUEST 0x41 "REGISTRATION REQUEST" Ue;
    REGISTRATION_ACCEPT 0x42 "REGISTRATION ACCEPT" Network;
    REGISTRATION_COMPLETE 0x43 "REGISTRATION COMPLETE" Ue;
    REGISTRATION_REJECT 0x44 "REGISTRATION REJECT" Network;
    DEREGISTRATION_REQUEST_UE 0x45 "DEREGISTRATION REQUEST (UE originating)" Ue;
    DEREGISTRATION_ACCEPT_UE 0x46 "DEREGISTRATION ACCEPT (UE originating)" Network;
    DEREGISTRATION_REQUEST_NETWORK 0x47 "DEREGISTRATION REQUEST (UE terminated)" Network;
    DEREGISTRATION_ACCEPT_NETWORK 0x48 "DEREGISTRATION ACCEPT (UE terminated)" Ue;
    SERVICE_REQUEST 0x4C "SERVICE REQUEST" Ue;
    SERVICE_REJECT 0x4D "SERVICE REJECT" Network;
    SERVICE_ACCEPT 0x4E "SERVICE ACCEPT" Network;
    CONTROL_PLANE_SERVICE_REQUEST 0x4F "CONTROL PLANE SERVICE REQUEST" Ue;
    NSSAA_COMMAND 0x50 "NETWORK SLICE-SPECIFIC AUTHENTICATION COMMAND" Network;
    NSSAA_COMPLETE 0x51 "NETWORK SLICE-SPECIFIC AUTHENTICATION COMPLETE" Ue;
    NSSAA_RESULT 0x52 "NETWORK SLICE-SPECIFIC AUTHENTICATION RESULT" Network;
    CONFIGURATION_UPDATE_COMMAND 0x54 "CONFIGURATION UPDATE COMMAND" Network;
    CONFIGURATION_UPDATE_COMPLETE 0x55 "CONFIGURATION UPDATE COMPLETE" Ue;
    AUTHENTICATION_REQUEST 0x56 "AUTHENTICATION REQUEST" Network;
    AUTHENTICATION_RESPONSE 0x57 "AUTHENTICATION RESPONSE" Ue;
    AUTHENTICATION_REJECT 0x58 "AUTHENTICATION REJECT" Network;
    AUTHENTICATION_FAILURE 0x59 "AUTHENTICATION FAILURE" Ue;
    AUTHENTICATION_RESULT 0x5A "AUTHENTICATION RESULT" Network;
    IDENTITY_REQUEST 0x5B "IDENTITY REQUEST" Network;
    IDENTITY_RESPONSE 0x5C "IDENTITY RESPONSE" Ue;
    SECURITY_MODE_COMMAND 0x5D "SECURITY MODE COMMAND" Network;
    SECURITY_MODE_COMPLETE 0x5E "SECURITY MODE COMPLETE" Ue;
    SECURITY_MODE_REJECT 0x5F "SECURITY MODE REJECT" Ue;
    STATUS 0x64 "5GMM STATUS" Either;
    NOTIFICATION 0x65 "NOTIFICATION" Network;
    NOTIFICATION_RESPONSE 0x66 "NOTIFICATION RESPONSE" Ue;
    UL_NAS_TRANSPORT 0x67 "UL NAS TRANSPORT" Ue;
    DL_NAS_TRANSPORT 0x68 "DL NAS TRANSPORT" Network;
    RELAY_KEY_REQUEST 0x69 "RELAY KEY REQUEST" Ue;
    RELAY_KEY_ACCEPT 0x6A "RELAY KEY ACCEPT" Network;
    RELAY_KEY_REJECT 0x6B "RELAY KEY REJECT" Network;
    RELAY_AUTHENTICATION_REQUEST 0x6C "RELAY AUTHENTICATION REQUEST" Network;
    RELAY_AUTHENTICATION_RESPONSE 0x6D "RELAY AUTHENTICATION RESPONSE" Ue;
}

impl MessageType {
    fn row(self) -> Option<&'static (Self, &'static str, Sender)> {
        TABLE.iter().find(|row| row.0 == self)
    }

    /// The standard's name in capitals, "unknown" for an unassigned type.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().map_or("unknown", |row| row.1)
    }

    /// True for the types that TS 24.501 v19.6.2 assigns.
    #[must_use]
    pub fn is_known(self) -> bool {
        self.row().is_some()
    }

    /// True when a UE may send this message.
    #[must_use]
    pub fn is_uplink(self) -> bool {
        self.row().is_some_and(|row| row.2 != Sender::Network)
    }

    /// True when the network may send this message.
    #[must_use]
    pub fn is_downlink(self) -> bool {
        self.row().is_some_and(|row| row.2 != Sender::Ue)
    }

    /// True for the initial NAS messages (TS 24.501 4.4.6): REGISTRATION REQUEST, DEREGISTRATION REQUEST (UE
    /// originating), SERVICE REQUEST and CONTROL PLANE SERVICE REQUEST.
    #[must_use]
    pub const fn is_initial(self) -> bool {
        matches!(self.0, 0x41 | 0x45 | 0x4C | 0x4F)
    }
}

impl fmt::Debug for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X} {}", self.0, self.name())
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_type_has_a_direction() {
        for pair in TABLE.windows(2) {
            assert!(pair[0].0 < pair[1].0);
        }
        let known = (0..=255).filter(|&t| MessageType(t).is_known()).count();
        assert_eq!(known, TABLE.len());
        for octet in 0..=255 {
            let message = MessageType(octet);
            assert_eq!(
                message.is_known(),
                message.is_uplink() || message.is_downlink()
            );
            assert!(!message.is_initial() || (message.is_uplink() && !message.is_downlink()));
        }
        assert!(MessageType::STATUS.is_uplink() && MessageType::STATUS.is_downlink());
        for unassigned in [0x00, 0x40, 0x53, 0x60, 0x63, 0x6E, 0xC1] {
            assert_eq!(MessageType(unassigned).name(), "unknown");
        }
    }
}
