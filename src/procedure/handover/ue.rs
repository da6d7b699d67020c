//! The UE (TS 33.501 6.9.2.3.3, 8.4), for load generation, simulators and tests.

use crate::algorithm::Nia;
use crate::base::{AccessType, Error, Result};
use crate::kdf::{HorizontalDirection, KGnb, k_amf_prime};
use crate::nas::container::{IntraN1Container, S1ToN1Container, mac_input};
use crate::procedure::smc::{check_algorithms, check_no_fall};
use crate::procedure::step::Step;
use crate::security::container::check_handover_mac;
use crate::security::{Algorithms, Identity, Place, Resources, Role, Target, UeSecurity};

use super::FromEps;

const ACCESS: AccessType = AccessType::ThreeGpp;

/// What a container asks for.
struct Plan {
    step: Step,
    algorithms: Algorithms,
    mac: [u8; 4],
    /// Sequence number of a container under the current K_AMF, which takes a COUNT of it.
    sn: Option<u8>,
}

/// Obeys the container of a handover command: its context is current afterwards, and secure exchange of NAS messages is
/// established over 3GPP access. Returns the K_gNB of NCC 0 when K_AMF is new; `None`: the NH chain goes on.
///
/// `from_eps`: what belongs to a container from EPS, of 8 octets; `None` for one of 7.
///
/// The MAC of a container without a new K_AMF covers eight bits of its COUNT: that it is not an old one only the
/// integrity of the RRC message around it says.
///
/// # Errors
/// After any of them nothing has changed: [`Error::Role`]; [`Error::Conflict`] while an access waits for its security mode
/// command or the session was exported; [`Error::MalformedIe`]; [`Error::NgKsi`] for another context than the current one,
/// or a native one from EPS; [`Error::AlgorithmNotSupported`], [`Error::NullIntegrity`], [`Error::NoCommonCiphering`] for
/// algorithms that the UE must not take; [`Error::Horizontal`] under null integrity; [`Error::Mac`];
/// [`Error::NoContext`], [`Error::CountExhausted`], [`Error::KeyReused`], [`Error::SideFull`].
pub fn obey(
    ue: &mut UeSecurity,
    value: &[u8],
    from_eps: Option<&FromEps<'_>>,
    from: Resources<'_>,
) -> Result<Option<KGnb>> {
    if ue.role() != Role::Ue {
        return Err(Error::Role);
    }
    if ue.key_change().is_some() || ue.context(Place::Previous).is_some() {
        return Err(Error::Conflict);
    }
    let plan = match from_eps {
        None => Plan::intra(ue, &IntraN1Container::decode(value)?)?,
        Some(from_eps) => Plan::mapped(from_eps, &S1ToN1Container::decode(value)?)?,
    };
    plan.step.install(ue, (ACCESS, plan.algorithms), from)?;
    let checked = plan.check(ue, value, &from);
    if let Err(error) = checked {
        plan.step.undo(ue, from);
        return Err(error);
    }
    let k_gnb = ue.candidate_k_gnb();
    ue.handed_over(from);
    Ok(k_gnb)
}

impl Plan {
    fn intra(ue: &UeSecurity, container: &IntraN1Container) -> Result<Self> {
        let current = ue.context(Place::Current).ok_or(Error::NoContext)?;
        let kept = current.algorithms().ok_or(Error::NoContext)?;
        if container.ng_ksi != current.ng_ksi() {
            return Err(Error::NgKsi);
        }
        let algorithms = Algorithms::from_ids(container.nea, container.nia)?;
        check_algorithms(algorithms, (current.ue_sec_cap(), current.emergency()))?;
        check_no_fall(kept, algorithms)?;
        let step = if container.k_amf_change {
            if kept.nia == Nia::Nia0 {
                return Err(Error::Horizontal);
            }
            let count = ue.container_count(container.sn)?;
            let key = k_amf_prime(current.k_amf(), HorizontalDirection::Handover, count);
            Step::Horizontal(key)
        } else if algorithms == kept {
            Step::Make(Target::Current)
        } else {
            Step::Make(Target::NewAlgorithms(algorithms))
        };
        Ok(Self {
            step,
            algorithms,
            mac: container.mac,
            sn: (!container.k_amf_change).then_some(container.sn),
        })
    }

    fn mapped(from_eps: &FromEps<'_>, container: &S1ToN1Container) -> Result<Self> {
        if !container.ng_ksi.is_mapped() {
            return Err(Error::NgKsi);
        }
        let algorithms = Algorithms::from_ids(container.nea, container.nia)?;
        check_algorithms(algorithms, (&from_eps.ue_sec_cap, false))?;
        Ok(Self {
            step: Step::Map(Identity {
                k_amf: from_eps.k_amf.clone(),
                ng_ksi: container.ng_ksi,
                ue_sec_cap: from_eps.ue_sec_cap,
                emergency: false,
            }),
            algorithms,
            mac: container.mac,
            sn: None,
        })
    }

    fn check(&self, ue: &mut UeSecurity, value: &[u8], from: &Resources<'_>) -> Result<()> {
        let place = self.step.place();
        check_handover_mac(ue, place, (mac_input(value)?, self.mac))?;
        if place == Place::Candidate {
            ue.write_candidate_down(from)?;
        }
        match self.sn {
            Some(sn) => ue.accept_container_count(sn, from),
            None => Ok(()),
        }
    }
}
