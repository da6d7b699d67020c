//! The longest request: a SECURITY MODE COMMAND with all that it may carry.

use crate::base::{AccessType, Error, NgKsi, Result};
use crate::engine::job::{smc_flag, target};
use crate::kdf::KAmf;
use crate::nas::smc::{Aun3Key, EpsAlgorithms};
use crate::nas::{MessageType, S1UeSecurityCapability, UeSecurityCapability};
use crate::procedure::smc::{Activation, NewKey, Request};
use crate::security::Algorithms;

use super::request::Key;
use super::wire::{Frame, Reader};

/// Context that a command takes into use, beyond [`target`]: K_AMF' that the source AMF derived.
pub const TARGET_HORIZONTAL_RECEIVED: u8 = 5;
/// As above: K_AMF' mapped from EPS.
pub const TARGET_MAPPED: u8 = 6;

/// An algorithm or ngKSI that is not given.
const ANY: u8 = u8::MAX;

/// A SECURITY MODE COMMAND to be, field by field as [`Request`]; numbers as in [`crate::engine::job::SmcJob`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SmcCommand<'a> {
    /// 1 or 2.
    pub access: u8,
    /// [`target`], [`TARGET_HORIZONTAL_RECEIVED`] or [`TARGET_MAPPED`].
    pub target: u8,
    /// 255: none given.
    pub nea: u8,
    /// 255: none given.
    pub nia: u8,
    /// 255: not checked.
    pub ng_ksi: u8,
    /// 0: none.
    pub ongoing: u8,
    /// [`smc_flag`].
    pub flags: u8,
    /// Bits 7-5 ciphering, 3-1 integrity.
    pub eps_algorithms: u8,
    /// For [`target::HORIZONTAL`].
    pub ul_count: u32,
    /// For the two targets with a key from elsewhere.
    pub k_amf_ng_ksi: u8,
    /// That key, 32 octets.
    pub k_amf: Option<Key<'a>>,
    /// The UE security capability that goes with that key.
    pub k_amf_ue_sec_cap: Option<&'a [u8]>,
    /// UE security capability.
    pub ue_sec_cap: Option<&'a [u8]>,
    /// S1 UE security capability.
    pub s1_sec_cap: Option<&'a [u8]>,
    /// EAP-Success.
    pub eap_success: Option<&'a [u8]>,
    /// ABBA.
    pub abba: Option<&'a [u8]>,
    /// AUN3 device security key.
    pub aun3_key: Option<Key<'a>>,
}

impl<'a> SmcCommand<'a> {
    /// The same as numbers and octets.
    #[must_use]
    pub fn of(request: &'a Request<'_>) -> Self {
        let (target, ul_count, key) = match &request.activation {
            Activation::Current => (target::CURRENT, 0, None),
            Activation::NewAlgorithms => (target::NEW_ALGORITHMS, 0, None),
            Activation::Partial => (target::PARTIAL, 0, None),
            Activation::NonCurrent => (target::NON_CURRENT, 0, None),
            Activation::Horizontal { ul_count } => (target::HORIZONTAL, *ul_count, None),
            Activation::HorizontalReceived(key) => (TARGET_HORIZONTAL_RECEIVED, 0, Some(key)),
            Activation::Mapped(key) => (TARGET_MAPPED, 0, Some(key)),
        };
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        Self {
            access: request.access.bearer(),
            target,
            nea: request.algorithms.map_or(ANY, |chosen| chosen.nea.id()),
            nia: request.algorithms.map_or(ANY, |chosen| chosen.nia.id()),
            ng_ksi: request.ng_ksi.map_or(ANY, NgKsi::bits),
            ongoing: request.ongoing.map_or(0, |message| message.0),
            flags: flag(request.imeisv, smc_flag::IMEISV)
                | flag(request.retransmission, smc_flag::RINMR)
                | flag(request.eps.is_some(), smc_flag::EPS_ALGORITHMS),
            eps_algorithms: request
                .eps
                .map_or(0, |eps| (eps.eea & 7) << 4 | eps.eia & 7),
            ul_count,
            k_amf_ng_ksi: key.map_or(0, |key| key.ng_ksi.bits()),
            k_amf: key.map(|key| Key(key.k_amf.expose())),
            k_amf_ue_sec_cap: key.and_then(|key| key.ue_sec_cap.as_ref().map(|cap| cap.value())),
            ue_sec_cap: request.ue_sec_cap.as_ref().map(|cap| cap.value()),
            s1_sec_cap: request.s1_sec_cap.as_ref().map(|cap| cap.value()),
            eap_success: request.eap_success,
            abba: request.abba,
            aun3_key: request.aun3_key.as_ref().map(|key| Key(key.0)),
        }
    }

    pub(super) fn write(&self, frame: &mut Frame) -> Result<()> {
        frame.put(&[
            self.access,
            self.target,
            self.nea,
            self.nia,
            self.ng_ksi,
            self.ongoing,
            self.flags,
            self.eps_algorithms,
        ])?;
        frame.u32(self.ul_count)?;
        frame.put(&[self.k_amf_ng_ksi, 0, 0, 0])?;
        frame.part(self.k_amf.map(|key| key.0))?;
        frame.part(self.k_amf_ue_sec_cap)?;
        frame.part(self.ue_sec_cap)?;
        frame.part(self.s1_sec_cap)?;
        frame.part(self.eap_success)?;
        frame.part(self.abba)?;
        frame.part(self.aun3_key.map(|key| key.0))
    }

    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let octets = reader.array::<8>()?;
        let ul_count = reader.u32()?;
        let k_amf_ng_ksi = reader.u8()?;
        reader.zeros(3)?;
        let [
            access,
            target,
            nea,
            nia,
            ng_ksi,
            ongoing,
            flags,
            eps_algorithms,
        ] = octets;
        Ok(Self {
            access,
            target,
            nea,
            nia,
            ng_ksi,
            ongoing,
            flags,
            eps_algorithms,
            ul_count,
            k_amf_ng_ksi,
            k_amf: reader.part()?.map(Key),
            k_amf_ue_sec_cap: reader.part()?,
            ue_sec_cap: reader.part()?,
            s1_sec_cap: reader.part()?,
            eap_success: reader.part()?,
            abba: reader.part()?,
            aun3_key: reader.part()?.map(Key),
        })
    }

    /// Calls `run` with the request that these numbers and octets describe.
    ///
    /// # Errors
    /// [`Error::Argument`] for a target or a flag that does not exist and for a key that is missing or not 32 octets
    /// long; [`Error::Bearer`], [`Error::NgKsi`], [`Error::AlgorithmNotSupported`], [`Error::MalformedIe`]; those of
    /// `run`.
    pub fn with<T>(&self, run: impl FnOnce(&Request<'_>) -> Result<T>) -> Result<T> {
        let known = smc_flag::IMEISV | smc_flag::RINMR | smc_flag::EPS_ALGORITHMS;
        if self.flags & !known != 0 {
            return Err(Error::Argument);
        }
        let key = match self.k_amf {
            Some(key) => Some(KAmf::from_slice(key.0).ok_or(Error::Argument)?),
            None => None,
        };
        let access = AccessType::from_id(self.access).ok_or(Error::Bearer)?;
        let mut request = Request::new(access, self.activation(key.as_ref())?);
        request.algorithms = Algorithms::given(self.nea, self.nia)?;
        if self.ng_ksi != ANY {
            request.ng_ksi = Some(NgKsi::from_bits(self.ng_ksi).ok_or(Error::NgKsi)?);
        }
        request.ue_sec_cap = capability(self.ue_sec_cap)?;
        request.ongoing = (self.ongoing != 0).then_some(MessageType(self.ongoing));
        request.imeisv = self.flags & smc_flag::IMEISV != 0;
        request.retransmission = self.flags & smc_flag::RINMR != 0;
        if self.flags & smc_flag::EPS_ALGORITHMS != 0 {
            let (eea, eia) = (self.eps_algorithms >> 4 & 7, self.eps_algorithms & 7);
            request.eps = Some(EpsAlgorithms { eea, eia });
        }
        request.s1_sec_cap = self
            .s1_sec_cap
            .map(S1UeSecurityCapability::from_value)
            .transpose()?;
        request.eap_success = self.eap_success;
        request.abba = self.abba;
        request.aun3_key = self.aun3_key.map(|key| Aun3Key(key.0));
        run(&request)
    }

    fn activation<'k>(&self, key: Option<&'k KAmf>) -> Result<Activation<'k>> {
        let new_key = || -> Result<NewKey<'k>> {
            Ok(NewKey {
                k_amf: key.ok_or(Error::Argument)?,
                ng_ksi: NgKsi::from_bits(self.k_amf_ng_ksi).ok_or(Error::NgKsi)?,
                ue_sec_cap: capability(self.k_amf_ue_sec_cap)?,
            })
        };
        match self.target {
            target::PARTIAL => Ok(Activation::Partial),
            target::CURRENT => Ok(Activation::Current),
            target::NEW_ALGORITHMS => Ok(Activation::NewAlgorithms),
            target::NON_CURRENT => Ok(Activation::NonCurrent),
            target::HORIZONTAL => Ok(Activation::Horizontal {
                ul_count: self.ul_count,
            }),
            TARGET_HORIZONTAL_RECEIVED => new_key().map(Activation::HorizontalReceived),
            TARGET_MAPPED => new_key().map(Activation::Mapped),
            _ => Err(Error::Argument),
        }
    }
}

fn capability(value: Option<&[u8]>) -> Result<Option<UeSecurityCapability>> {
    value.map(UeSecurityCapability::from_value).transpose()
}
