//! The AMF that the UE comes to.

use crate::algorithm::Nia;
use crate::base::{AccessType, Error, NgKsi, Result};
use crate::kdf::{HorizontalDirection, k_amf_prime};
use crate::nas::container::{IntraN1Container, S1ToN1Container, insert_mac, mac_input};
use crate::procedure::smc::{Env, Policy, check_algorithms, check_no_fall, pick};
use crate::procedure::step::Step;
use crate::security::container::handover_mac;
use crate::security::count::LIMIT;
use crate::security::{
    Algorithms, Context, KeyChange, NearWrap, Place, Resources, Role, Target, UeSecurity,
};

use super::{Activation, Container, Request};

const ACCESS: AccessType = AccessType::ThreeGpp;

/// A request that passed all checks.
struct Plan {
    step: Step,
    algorithms: Algorithms,
    names: Names,
}

/// What the container says besides the algorithms.
#[derive(Clone, Copy)]
enum Names {
    /// K_AMF_change_flag, ngKSI and downlink COUNT; `None`: the COUNT that the container takes.
    IntraN1(bool, NgKsi, Option<u32>),
    /// NCC and ngKSI.
    S1ToN1(u8, NgKsi),
}

/// Prepares a handover: the context is a candidate, no other procedure changes keys until [`done`] or [`failed`].
///
/// # Errors
/// After any of them nothing has changed: [`Error::Role`]; [`Error::Conflict`] while a key-changing procedure runs or the
/// second access still waits for its security mode command; [`Error::NoContext`]; [`Error::NgKsi`]; [`Error::Argument`]
/// for an NCC above 7 or a COUNT of more than 24 bits; [`Error::Horizontal`] under null integrity;
/// [`Error::NoCommonIntegrity`], [`Error::NoCommonCiphering`], [`Error::AlgorithmNotSupported`],
/// [`Error::NullIntegrity`]; [`Error::KeyReused`]; [`Error::CountExhausted`], [`Error::LeaseExhausted`];
/// [`Error::SideFull`].
pub fn prepare(ue: &mut UeSecurity, request: &Request<'_>, env: &Env<'_>) -> Result<Container> {
    if ue.role() != Role::Amf {
        return Err(Error::Role);
    }
    if ue.key_change().is_some() || ue.context(Place::Previous).is_some() {
        return Err(Error::Conflict);
    }
    let plan = Plan::make(ue, request, &env.smc.policy)?;
    plan.step.install(ue, (ACCESS, plan.algorithms), env.from)?;
    let container = plan.begin(ue, env);
    if container.is_err() {
        plan.step.undo(ue, env.from);
    }
    container
}

/// The UE arrived (HANDOVER NOTIFY): the context is current, secure exchange of NAS messages is established over 3GPP
/// access. With a new K_AMF the NH chain stands at the container's K_gNB, NCC 0.
///
/// # Errors
/// [`Error::Unexpected`] when no handover was prepared.
pub fn done(ue: &mut UeSecurity, from: Resources<'_>) -> Result<()> {
    ue.end_key_change(KeyChange::Handover)?;
    ue.handed_over(from);
    Ok(())
}

/// The handover failed or was cancelled: the candidate is wiped, the context in use stays.
///
/// # Errors
/// [`Error::Unexpected`] when no handover was prepared.
pub fn failed(ue: &mut UeSecurity, from: Resources<'_>) -> Result<()> {
    ue.end_key_change(KeyChange::Handover)?;
    ue.reject_candidate(from);
    Ok(())
}

impl Plan {
    fn make(ue: &UeSecurity, request: &Request<'_>, policy: &Policy) -> Result<Self> {
        let asked = request.algorithms;
        match request.activation {
            Activation::Current => {
                let (current, kept) = current(ue)?;
                let algorithms = asked.unwrap_or(kept);
                check_algorithms(algorithms, (current.ue_sec_cap(), current.emergency()))?;
                check_no_fall(kept, algorithms)?;
                let target = if algorithms == kept {
                    Target::Current
                } else {
                    Target::NewAlgorithms(algorithms)
                };
                Ok(Self {
                    step: Step::Make(target),
                    algorithms,
                    names: Names::IntraN1(false, current.ng_ksi(), None),
                })
            }
            Activation::Horizontal => {
                let (current, kept) = current(ue)?;
                if kept.nia == Nia::Nia0 {
                    return Err(Error::Horizontal);
                }
                let algorithms = pick(asked, policy, (current.ue_sec_cap(), false))?;
                check_no_fall(kept, algorithms)?;
                let count = ue.next_container_count()?;
                let key = k_amf_prime(current.k_amf(), HorizontalDirection::Handover, count);
                Ok(Self {
                    step: Step::Horizontal(key),
                    algorithms,
                    names: Names::IntraN1(true, current.ng_ksi(), None),
                })
            }
            Activation::HorizontalReceived { key, dl_count } => {
                if dl_count >= LIMIT {
                    return Err(Error::Argument);
                }
                let identity = key.identity();
                let algorithms = pick(asked, policy, (&identity.ue_sec_cap, false))?;
                let step = match ue.context(Place::Current) {
                    Some(current) if current.ng_ksi() == key.ng_ksi => {
                        if current.algorithms().is_none_or(|a| a.nia == Nia::Nia0) {
                            return Err(Error::Horizontal);
                        }
                        Step::Horizontal(key.k_amf.clone())
                    }
                    _ => Step::Adopt(identity),
                };
                Ok(Self {
                    step,
                    algorithms,
                    names: Names::IntraN1(true, key.ng_ksi, Some(dl_count)),
                })
            }
            Activation::Mapped { key, ncc } => {
                if ncc > 7 {
                    return Err(Error::Argument);
                }
                let identity = key.identity();
                let algorithms = pick(asked, policy, (&identity.ue_sec_cap, false))?;
                Ok(Self {
                    step: Step::Map(identity),
                    algorithms,
                    names: Names::S1ToN1(ncc, key.ng_ksi),
                })
            }
        }
    }

    /// The context is in its place: takes the COUNT, computes the MAC, and the procedure runs.
    fn begin(&self, ue: &mut UeSecurity, env: &Env<'_>) -> Result<Container> {
        if self.step.place() == Place::Candidate {
            ue.write_candidate_down(&env.from)?;
        }
        let (mut near_wrap, mut count) = (NearWrap::No, None);
        if let Names::IntraN1(_, _, known) = self.names {
            let taken = match known {
                Some(known) => known,
                None => {
                    let taken = ue.take_container_count(&env.security.thresholds, &env.from)?;
                    near_wrap = taken.1;
                    taken.0
                }
            };
            count = Some(taken);
        }
        let (mut value, len) = self.encode(count.unwrap_or_default())?;
        let mac = handover_mac(ue, self.step.place(), mac_input(&value[..len])?)?;
        insert_mac(&mut value[..len], mac)?;
        ue.begin_key_change(KeyChange::Handover)?;
        Ok(Container {
            value,
            len,
            count,
            near_wrap,
            k_gnb: ue.candidate_k_gnb(),
            algorithms: self.algorithms,
        })
    }

    /// The container, its MAC zero.
    fn encode(&self, count: u32) -> Result<([u8; S1ToN1Container::LEN], usize)> {
        let Algorithms { nea, nia } = self.algorithms;
        let (mac, nea, nia) = ([0; 4], nea.id(), nia.id());
        match self.names {
            Names::IntraN1(k_amf_change, ng_ksi, _) => {
                let container = IntraN1Container {
                    mac,
                    nea,
                    nia,
                    k_amf_change,
                    ng_ksi,
                    sn: count as u8,
                };
                let mut value = [0; S1ToN1Container::LEN];
                value[..IntraN1Container::LEN].copy_from_slice(&container.encode()?);
                Ok((value, IntraN1Container::LEN))
            }
            Names::S1ToN1(ncc, ng_ksi) => {
                let container = S1ToN1Container {
                    mac,
                    nea,
                    nia,
                    ncc,
                    ng_ksi,
                };
                Ok((container.encode()?, S1ToN1Container::LEN))
            }
        }
    }
}

fn current(ue: &UeSecurity) -> Result<(&Context, Algorithms)> {
    let current = ue.context(Place::Current).ok_or(Error::NoContext)?;
    Ok((current, current.algorithms().ok_or(Error::NoContext)?))
}
