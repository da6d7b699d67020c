//! Handovers at N2 that take a context into use. From version 4 on.

use crate::base::{Error, NgKsi, Result};
use crate::kdf::{KAmf, KGnb};
use crate::nas::UeSecurityCapability;
use crate::procedure::handover::{Activation, Container, Request};
use crate::procedure::smc::NewKey;
use crate::security::Algorithms;

use super::request::Key;
use super::response::near_wrap_of;
use super::wire::{Frame, Reader};

/// The oldest version that has these verbs.
pub const SINCE: u16 = 4;

/// An algorithm that is not given.
const ANY: u8 = u8::MAX;

/// A request about a handover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandoverRequest<'a> {
    /// Prepares one; the response is [`super::Response::Container`].
    Prepare(u64, Preparation<'a>),
    /// The UE of this session arrived.
    Done(u64),
    /// The handover of this session failed.
    Failed(u64),
}

/// A handover to be, field by field as [`Request`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preparation<'a> {
    /// 0 current, 1 horizontal, 2 horizontal received, 3 mapped.
    pub activation: u8,
    /// 255: none given.
    pub nea: u8,
    /// 255: none given.
    pub nia: u8,
    /// Of `k_amf`.
    pub ng_ksi: u8,
    /// For 3.
    pub ncc: u8,
    /// For 2.
    pub dl_count: u32,
    /// For 2 and 3: K_AMF', 32 octets.
    pub k_amf: Option<Key<'a>>,
    /// The UE security capability that goes with that key.
    pub ue_sec_cap: Option<&'a [u8]>,
}

pub(super) const FIRST: u16 = 24;
const PREPARE: u16 = FIRST;
const DONE: u16 = 25;
const FAILED: u16 = 26;
pub(super) const LAST: u16 = FAILED;

impl<'a> HandoverRequest<'a> {
    /// The session that it names.
    #[must_use]
    pub const fn session(&self) -> u64 {
        match *self {
            Self::Prepare(session, _) | Self::Done(session) | Self::Failed(session) => session,
        }
    }

    pub(super) const fn verb(&self) -> u16 {
        match self {
            Self::Prepare(..) => PREPARE,
            Self::Done(_) => DONE,
            Self::Failed(_) => FAILED,
        }
    }

    pub(super) fn write(&self, frame: &mut Frame) -> Result<()> {
        frame.u64(self.session())?;
        match self {
            Self::Prepare(_, preparation) => preparation.write(frame),
            Self::Done(_) | Self::Failed(_) => Ok(()),
        }
    }

    pub(super) fn read(kind: u16, reader: &mut Reader<'a>) -> Result<Self> {
        let session = reader.u64()?;
        Ok(match kind {
            PREPARE => Self::Prepare(session, Preparation::read(reader)?),
            DONE => Self::Done(session),
            FAILED => Self::Failed(session),
            _ => return Err(Error::Operation),
        })
    }
}

impl<'a> Preparation<'a> {
    /// The same as numbers and octets.
    #[must_use]
    pub fn of(request: &'a Request<'_>) -> Self {
        let (activation, dl_count, ncc, key) = match &request.activation {
            Activation::Current => (0, 0, 0, None),
            Activation::Horizontal => (1, 0, 0, None),
            Activation::HorizontalReceived { key, dl_count } => (2, *dl_count, 0, Some(key)),
            Activation::Mapped { key, ncc } => (3, 0, *ncc, Some(key)),
        };
        Self {
            activation,
            nea: request.algorithms.map_or(ANY, |chosen| chosen.nea.id()),
            nia: request.algorithms.map_or(ANY, |chosen| chosen.nia.id()),
            ng_ksi: key.map_or(0, |key| key.ng_ksi.bits()),
            ncc,
            dl_count,
            k_amf: key.map(|key| Key(key.k_amf.expose())),
            ue_sec_cap: key.and_then(|key| key.ue_sec_cap.as_ref().map(|cap| cap.value())),
        }
    }

    fn write(&self, frame: &mut Frame) -> Result<()> {
        frame.put(&[
            self.activation,
            self.nea,
            self.nia,
            self.ng_ksi,
            self.ncc,
            0,
            0,
            0,
        ])?;
        frame.u32(self.dl_count)?;
        frame.part(self.k_amf.map(|key| key.0))?;
        frame.part(self.ue_sec_cap)
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let [activation, nea, nia, ng_ksi, ncc] = reader.array()?;
        reader.zeros(3)?;
        Ok(Self {
            activation,
            nea,
            nia,
            ng_ksi,
            ncc,
            dl_count: reader.u32()?,
            k_amf: reader.part()?.map(Key),
            ue_sec_cap: reader.part()?,
        })
    }

    /// Calls `run` with the request that these numbers and octets describe.
    ///
    /// # Errors
    /// [`Error::Argument`] for an activation that does not exist and for a key that is missing or not 32 octets long;
    /// [`Error::NgKsi`], [`Error::AlgorithmNotSupported`], [`Error::MalformedIe`]; those of `run`.
    pub fn with<T>(&self, run: impl FnOnce(&Request<'_>) -> Result<T>) -> Result<T> {
        let key = match self.k_amf {
            Some(key) => Some(KAmf::from_slice(key.0).ok_or(Error::Argument)?),
            None => None,
        };
        let new_key = || -> Result<NewKey<'_>> {
            let ue_sec_cap = self.ue_sec_cap.map(UeSecurityCapability::from_value);
            Ok(NewKey {
                k_amf: key.as_ref().ok_or(Error::Argument)?,
                ng_ksi: NgKsi::from_bits(self.ng_ksi).ok_or(Error::NgKsi)?,
                ue_sec_cap: ue_sec_cap.transpose()?,
            })
        };
        let activation = match self.activation {
            0 => Activation::Current,
            1 => Activation::Horizontal,
            2 => Activation::HorizontalReceived {
                key: new_key()?,
                dl_count: self.dl_count,
            },
            3 => Activation::Mapped {
                key: new_key()?,
                ncc: self.ncc,
            },
            _ => return Err(Error::Argument),
        };
        run(&Request {
            activation,
            algorithms: Algorithms::given(self.nea, self.nia)?,
        })
    }
}

pub(super) fn write(container: &Container, frame: &mut Frame) -> Result<()> {
    frame.u32(container.count.unwrap_or_default())?;
    frame.put(&[
        u8::from(container.count.is_some()),
        container.near_wrap as u8,
        container.algorithms.nea.id(),
        container.algorithms.nia.id(),
    ])?;
    frame.part(Some(container.value()))?;
    frame.part(container.k_gnb.as_ref().map(|key| &key.expose()[..]))
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<Container> {
    let count = reader.u32()?;
    let [counted, near_wrap, nea, nia] = reader.array()?;
    let count = match (counted, count) {
        (0, 0) => None,
        (1, count) => Some(count),
        _ => return Err(Error::Argument),
    };
    let mut container = Container::of(
        reader.part()?.ok_or(Error::Argument)?,
        Algorithms::from_ids(nea, nia)?,
    )?;
    container.count = count;
    container.near_wrap = near_wrap_of(near_wrap)?;
    container.k_gnb = match reader.part()? {
        Some(key) => Some(KGnb::from_slice(key).ok_or(Error::Argument)?),
        None => None,
    };
    Ok(container)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_survives_the_way_and_shows_no_key() {
        let k_amf = KAmf::new([7; 32]);
        let key = NewKey {
            k_amf: &k_amf,
            ng_ksi: NgKsi::mapped(3).unwrap(),
            ue_sec_cap: UeSecurityCapability::from_value(&[0xF0, 0x70]).ok(),
        };
        let dl_count = 0x12_3456;
        for activation in [
            Activation::Current,
            Activation::Horizontal,
            Activation::HorizontalReceived { key, dl_count },
            Activation::Mapped { key, ncc: 5 },
        ] {
            for algorithms in [None, Algorithms::from_ids(1, 2).ok()] {
                let request = Request {
                    activation,
                    algorithms,
                };
                let text = format!("{request:?}");
                let preparation = Preparation::of(&request);
                let same = preparation.with(|read| Ok(format!("{read:?}") == text));
                assert_eq!(same, Ok(true));
                assert!(!format!("{preparation:?}").contains("7, 7"), "a key shows");
            }
        }
        let mut bad = Preparation::default();
        for activation in 2..=4 {
            bad.activation = activation;
            assert_eq!(bad.with(|_| Ok(())), Err(Error::Argument));
        }
    }
}
