//! SECURITY MODE COMMAND (TS 24.501 8.2.25).

use core::fmt;

use super::super::ie::{self, Ie, Ies};
use super::super::octets::{Reader, Writer, emit};
use super::super::{MessageType, S1UeSecurityCapability, UeSecurityCapability};
use super::expect;
use crate::base::secret::ct_eq;
use crate::base::{Error, NgKsi, Result};

/// First octet of an EAP packet with the code Success.
const EAP_SUCCESS: u8 = 3;

/// Selected EPS NAS security algorithms (TS 24.301 9.9.3.23).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpsAlgorithms {
    /// EEA identity, 0..=7.
    pub eea: u8,
    /// EIA identity, 0..=7.
    pub eia: u8,
}

/// Additional 5G security information (TS 24.501 9.11.3.12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AdditionalSecurity {
    /// HDP, bit 1: K_AMF' was derived horizontally.
    pub horizontal: bool,
    /// RINMR, bit 2: the UE shall send the entire initial message in SECURITY MODE COMPLETE.
    pub retransmission: bool,
}

impl AdditionalSecurity {
    const fn octet(self) -> u8 {
        self.horizontal as u8 | (self.retransmission as u8) << 1
    }

    const fn from_octet(octet: u8) -> Self {
        Self {
            horizontal: octet & 1 != 0,
            retransmission: octet & 2 != 0,
        }
    }
}

/// AUN3 device security key (TS 24.501 8.2.25), borrowed; 34 to 255 octets. Never printed, and compared in
/// constant time.
#[derive(Clone, Copy)]
pub struct Aun3Key<'a>(pub &'a [u8]);

impl PartialEq for Aun3Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        ct_eq(self.0, other.0)
    }
}

impl Eq for Aun3Key<'_> {}

impl fmt::Debug for Aun3Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aun3Key(..)")
    }
}

/// SECURITY MODE COMMAND. Algorithm identities are the raw four bits of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecurityModeCommand<'a> {
    /// Selected ciphering algorithm, 0..=15.
    pub nea: u8,
    /// Selected integrity algorithm, 0..=15.
    pub nia: u8,
    /// The security context that the command takes into use.
    pub ng_ksi: NgKsi,
    /// Replayed UE security capability, as the UE sent it.
    pub ue_sec_cap: UeSecurityCapability,
    /// IMEISV request, three bits: 1 asks for the IMEISV.
    pub imeisv_request: Option<u8>,
    /// Selected EPS NAS security algorithms.
    pub eps: Option<EpsAlgorithms>,
    /// HDP and RINMR.
    pub additional: Option<AdditionalSecurity>,
    /// EAP message, 4 to 1500 octets: an EAP-Success.
    pub eap: Option<&'a [u8]>,
    /// ABBA, at least 2 octets.
    pub abba: Option<&'a [u8]>,
    /// Replayed S1 UE security capability.
    pub s1_sec_cap: Option<S1UeSecurityCapability>,
    /// AUN3 device security key.
    pub aun3_key: Option<Aun3Key<'a>>,
}

impl<'a> SecurityModeCommand<'a> {
    /// A command with the mandatory elements only.
    #[must_use]
    pub const fn new(nea: u8, nia: u8, ng_ksi: NgKsi, ue_sec_cap: UeSecurityCapability) -> Self {
        Self {
            nea,
            nia,
            ng_ksi,
            ue_sec_cap,
            imeisv_request: None,
            eps: None,
            additional: None,
            eap: None,
            abba: None,
            s1_sec_cap: None,
            aun3_key: None,
        }
    }

    /// True when the network asks for the IMEISV.
    #[must_use]
    pub const fn asks_for_imeisv(&self) -> bool {
        matches!(self.imeisv_request, Some(1))
    }

    /// True when RINMR is set.
    #[must_use]
    pub fn asks_for_retransmission(&self) -> bool {
        self.additional.is_some_and(|a| a.retransmission)
    }

    /// True when HDP is set.
    #[must_use]
    pub fn is_horizontal(&self) -> bool {
        self.additional.is_some_and(|a| a.horizontal)
    }

    /// Checks what the elements must be together, for a sender before it sends and a UE before it obeys.
    ///
    /// # Errors
    /// [`Error::NgKsi`] for "no key is available", which the network may not send; [`Error::IeCombination`] for
    /// EPS algorithms without the replayed S1 capability and for an EAP-Success without ABBA.
    pub fn check(&self) -> Result<()> {
        if !self.ng_ksi.is_key() {
            return Err(Error::NgKsi);
        }
        let success = self.eap.and_then(|eap| eap.first()) == Some(&EAP_SUCCESS);
        if (self.eps.is_some() && self.s1_sec_cap.is_none()) || (success && self.abba.is_none()) {
            return Err(Error::IeCombination);
        }
        Ok(())
    }

    /// Writes the plain message in the order of the standard and returns its length.
    ///
    /// # Errors
    /// [`Error::Argument`] for a field outside the domain that it names; [`Error::BufferTooSmall`], then
    /// nothing is written.
    pub fn encode(&self, out: &mut [u8]) -> Result<usize> {
        if !self.is_in_domain() {
            return Err(Error::Argument);
        }
        Ok(emit(out, |w| self.write(w))?.0)
    }

    fn is_in_domain(&self) -> bool {
        let eps = self.eps.is_none_or(|eps| eps.eea < 8 && eps.eia < 8);
        self.nea < 16
            && self.nia < 16
            && eps
            && self.imeisv_request.is_none_or(|bits| bits < 8)
            && self.eap.is_none_or(is_eap)
            && self.abba.is_none_or(is_abba)
            && self.aun3_key.is_none_or(|key| is_aun3(key.0))
    }

    fn write(&self, w: &mut Writer<'_>) {
        w.start(MessageType::SECURITY_MODE_COMMAND)
            .octet(self.nea << 4 | self.nia)
            .octet(self.ng_ksi.bits())
            .lv(self.ue_sec_cap.value());
        if let Some(bits) = self.imeisv_request {
            w.octet(ie::IMEISV_REQUEST | bits);
        }
        if let Some(eps) = self.eps {
            w.octet(ie::EPS_ALGORITHMS).octet(eps.eea << 4 | eps.eia);
        }
        if let Some(additional) = self.additional {
            w.tlv(ie::ADDITIONAL_SECURITY, Some(&[additional.octet()]));
        }
        w.tlv_e(ie::EAP_MESSAGE, self.eap);
        w.tlv(ie::ABBA, self.abba);
        let s1 = self.s1_sec_cap.as_ref().map(S1UeSecurityCapability::value);
        w.tlv(ie::S1_UE_SECURITY_CAPABILITY, s1)
            .tlv(ie::AUN3_KEY, self.aun3_key.map(|key| key.0));
    }

    /// Reads a plain message.
    ///
    /// # Errors
    /// Those of [`inner_type`](super::super::inner_type); [`Error::Unexpected`] for another message type;
    /// [`Error::MalformedIe`].
    pub fn decode(message: &'a [u8]) -> Result<Self> {
        expect(message, MessageType::SECURITY_MODE_COMMAND)?;
        let mut reader = Reader::new(message, 3);
        let algorithms = reader.octet()?;
        let ng_ksi = NgKsi::from_bits(reader.octet()? & 0xF).ok_or(Error::MalformedIe)?;
        let ue_sec_cap = UeSecurityCapability::from_value(reader.lv()?.0)?;
        let mut command = Self::new(algorithms >> 4, algorithms & 0xF, ng_ksi, ue_sec_cap);
        for ie in Ies::of(message)? {
            command.take(&ie?);
        }
        Ok(command)
    }

    /// Keeps an optional element, unless an earlier one of its kind was kept.
    fn take(&mut self, ie: &Ie<'a>) {
        let value = ie.value;
        let octet = ie.first();
        match ie.iei {
            ie::IMEISV_REQUEST => first(&mut self.imeisv_request, Some(octet & 7)),
            ie::EPS_ALGORITHMS => first(
                &mut self.eps,
                Some(EpsAlgorithms {
                    eea: octet >> 4 & 7,
                    eia: octet & 7,
                }),
            ),
            ie::ADDITIONAL_SECURITY => {
                let present = !value.is_empty();
                let additional = present.then(|| AdditionalSecurity::from_octet(octet));
                first(&mut self.additional, additional);
            }
            ie::EAP_MESSAGE => first(&mut self.eap, is_eap(value).then_some(value)),
            ie::ABBA => first(&mut self.abba, is_abba(value).then_some(value)),
            ie::S1_UE_SECURITY_CAPABILITY => {
                let capability = S1UeSecurityCapability::from_value(value).ok();
                first(&mut self.s1_sec_cap, capability);
            }
            ie::AUN3_KEY => {
                first(&mut self.aun3_key, is_aun3(value).then_some(Aun3Key(value)));
            }
            _ => {}
        }
    }
}

fn first<T>(place: &mut Option<T>, value: Option<T>) {
    if place.is_none() {
        *place = value;
    }
}

fn is_eap(value: &[u8]) -> bool {
    (4..=1500).contains(&value.len())
}

fn is_abba(value: &[u8]) -> bool {
    (2..=255).contains(&value.len())
}

fn is_aun3(value: &[u8]) -> bool {
    (34..=255).contains(&value.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> SecurityModeCommand<'static> {
        let cap = UeSecurityCapability::from_value(&[0xF0, 0x70, 0xF0, 0x70]).unwrap();
        SecurityModeCommand::new(0, 2, NgKsi::native(0).unwrap(), cap)
    }

    fn full() -> SecurityModeCommand<'static> {
        SecurityModeCommand {
            imeisv_request: Some(1),
            eps: Some(EpsAlgorithms { eea: 2, eia: 7 }),
            additional: Some(AdditionalSecurity {
                horizontal: true,
                retransmission: true,
            }),
            eap: Some(&[3, 1, 0, 4]),
            abba: Some(&[0, 0]),
            s1_sec_cap: S1UeSecurityCapability::from_value(&[0xF0, 0x70, 1]).ok(),
            aun3_key: Some(Aun3Key(&[0xA5; 34])),
            ..command()
        }
    }

    #[test]
    fn octets_of_the_usual_command() {
        let command = SecurityModeCommand {
            imeisv_request: Some(1),
            additional: Some(AdditionalSecurity {
                horizontal: false,
                retransmission: true,
            }),
            ..command()
        };
        let mut out = [0; 32];
        let len = command.encode(&mut out).unwrap();
        let expected = [
            0x7E, 0, 0x5D, 2, 0, 4, 0xF0, 0x70, 0xF0, 0x70, 0xE1, 0x36, 1, 2,
        ];
        assert_eq!(out[..len], expected);
        assert!(command.asks_for_imeisv() && command.asks_for_retransmission());
        assert!(!command.is_horizontal());
    }

    #[test]
    fn a_full_command_comes_back_and_every_truncation_is_a_status() {
        let mut out = [0; 128];
        let len = full().encode(&mut out).unwrap();
        assert_eq!(SecurityModeCommand::decode(&out[..len]), Ok(full()));
        assert_eq!(
            full().encode(&mut out[..len - 1]),
            Err(Error::BufferTooSmall)
        );
        for cut in 0..len {
            if let Ok(command) = SecurityModeCommand::decode(&out[..cut]) {
                assert_ne!(command, full());
            }
        }
        for cut in 0..10 {
            assert!(SecurityModeCommand::decode(&out[..cut]).is_err());
        }
    }

    #[test]
    fn unknown_elements_are_skipped_and_the_first_of_two_counts() {
        let message = [
            0x7E, 0, 0x5D, 0x12, 0, 2, 0xF0, 0x70, 0x99, 0x36, 1, 1, 0x41, 2, 9, 9, 0x7E, 0, 1, 5,
            0x36, 1, 2, 0x38, 1, 0, 0x38, 2, 0, 1,
        ];
        let command = SecurityModeCommand::decode(&message).unwrap();
        assert_eq!((command.nea, command.nia), (1, 2));
        assert!(command.is_horizontal() && !command.asks_for_retransmission());
        // The first ABBA is too short and counts as absent.
        assert_eq!(command.abba, Some(&[0, 1][..]));
    }

    #[test]
    fn combinations_are_checked() {
        assert_eq!(full().check(), Ok(()));
        assert_eq!(command().check(), Ok(()));
        let lone = SecurityModeCommand {
            s1_sec_cap: None,
            ..full()
        };
        assert_eq!(lone.check(), Err(Error::IeCombination));
        let lone = SecurityModeCommand {
            abba: None,
            ..full()
        };
        assert_eq!(lone.check(), Err(Error::IeCombination));
        let no_key = SecurityModeCommand {
            ng_ksi: NgKsi::NO_KEY,
            ..command()
        };
        assert_eq!(no_key.check(), Err(Error::NgKsi));
    }

    #[test]
    fn fields_outside_their_domain_are_not_sent() {
        for bad in [
            SecurityModeCommand { nea: 16, ..full() },
            SecurityModeCommand { nia: 16, ..full() },
            SecurityModeCommand {
                imeisv_request: Some(8),
                ..full()
            },
            SecurityModeCommand {
                eap: Some(&[3]),
                ..full()
            },
            SecurityModeCommand {
                abba: Some(&[0; 256]),
                ..full()
            },
            SecurityModeCommand {
                eps: Some(EpsAlgorithms { eea: 8, eia: 0 }),
                ..full()
            },
        ] {
            assert_eq!(bad.encode(&mut [0; 512]), Err(Error::Argument));
        }
    }
}
