//! Handovers at N2 that hand the UE a NAS container: other algorithms, a new K_AMF, or a context mapped from EPS is taken
//! into use without a security mode command (TS 33.501 6.9.2.3.3, 8.4; TS 24.501 9.11.2.6, 9.11.2.9).
//!
//! The AMF that the UE comes to prepares: the context is a candidate, the container goes out with HANDOVER REQUEST, and
//! until the UE arrived ([`done`]) or did not ([`failed`]) no other procedure changes keys (TS 33.501 6.9.5). Messages go
//! on under the context in use meanwhile. A move whose source derives K_AMF' for another AMF is
//! [`KeyChange::InterAmfHandover`](crate::security::KeyChange::InterAmfHandover) there.
//!
//! The MAC of a container is computed under COUNT 2^32 - 1, so containers of one integrity key share an IV: the
//! standard's own. With a new K_AMF each ([`Activation::Horizontal`]) none does.

mod amf;
mod ue;

use std::fmt;

use crate::kdf::{KAmf, KGnb};
use crate::nas::UeSecurityCapability;
use crate::nas::container::S1ToN1Container;
use crate::security::{Algorithms, NearWrap};

use super::smc::NewKey;

pub use amf::{done, failed, prepare};
pub use ue::obey;

/// The context that a handover takes into use.
#[derive(Clone, Copy, Debug)]
pub enum Activation<'a> {
    /// The current K_AMF (K_AMF_change_flag 0): COUNTs go on, the container takes one of the downlink's. Without
    /// algorithms in the request those in use stay.
    Current,
    /// K_AMF' derived here from the current K_AMF and the next downlink COUNT of 3GPP access (TS 33.501 A.13 with
    /// DIRECTION 1; K_AMF_change_flag 1). COUNTs start at 0.
    Horizontal,
    /// K_AMF' that the source AMF derived and told so (keyAmfHDerivationInd; K_AMF_change_flag 1). COUNTs start at 0.
    HorizontalReceived {
        /// K_AMF'.
        key: NewKey<'a>,
        /// The downlink COUNT that it came from.
        dl_count: u32,
    },
    /// K_AMF' mapped from EPS (TS 33.501 A.15.2). COUNTs start at 0.
    Mapped {
        /// K_AMF', under a mapped ngKSI.
        key: NewKey<'a>,
        /// NCC of the NH that it came from, 0 to 7.
        ncc: u8,
    },
}

/// A handover to be.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The context it takes into use.
    pub activation: Activation<'a>,
    /// `None`: chosen by the operator's lists, or kept with [`Activation::Current`].
    pub algorithms: Option<Algorithms>,
}

/// A container and what goes with it to the access network.
#[derive(PartialEq, Eq)]
pub struct Container {
    value: [u8; S1ToN1Container::LEN],
    len: usize,
    /// The downlink COUNT whose low eight bits it has; `None` for one from EPS.
    pub count: Option<u32>,
    /// Whether the COUNTs of the current context run out.
    pub near_wrap: NearWrap,
    /// With a new K_AMF: the K_gNB from 2^32 - 1 in place of a COUNT, which goes to the target as NH with NCC 0
    /// (TS 33.501 6.9.2.3.3, A.9). `None`: K_AMF stays, the target gets the next step of the NH chain.
    pub k_gnb: Option<KGnb>,
    /// The selected algorithms.
    pub algorithms: Algorithms,
}

impl Container {
    /// One with this value and nothing else.
    ///
    /// # Errors
    /// [`MalformedIe`](crate::base::Error::MalformedIe) for neither 7 nor 8 octets.
    #[cfg(all(feature = "client", target_os = "linux"))]
    pub(crate) fn of(octets: &[u8], algorithms: Algorithms) -> crate::base::Result<Self> {
        crate::nas::container::mac_input(octets)?;
        let mut value = [0; S1ToN1Container::LEN];
        value[..octets.len()].copy_from_slice(octets);
        Ok(Self {
            value,
            len: octets.len(),
            count: None,
            near_wrap: NearWrap::No,
            k_gnb: None,
            algorithms,
        })
    }

    /// Its value: 7 octets within 5GS, 8 from EPS.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value[..self.len]
    }
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Container")
            .field("value", &self.value())
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

/// What a UE brings from EPS to read its container.
#[derive(Clone, Copy, Debug)]
pub struct FromEps<'a> {
    /// K_AMF' (TS 33.501 A.15.2), from the NH with the container's NCC.
    pub k_amf: &'a KAmf,
    /// The UE's capability.
    pub ue_sec_cap: UeSecurityCapability,
}
