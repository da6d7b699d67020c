//! What a SECURITY MODE COMMAND may ask, and the checks before anything is sent (TS 24.501 5.4.2.2, 8.2.25;
//! TS 33.501 6.7.2).

use crate::algorithm::Nia;
use crate::base::{AccessType, Error, NgKsi, Result};
use crate::kdf::{HorizontalDirection, KAmf, k_amf_prime};
use crate::nas::smc::{AdditionalSecurity, Aun3Key, EpsAlgorithms};
use crate::nas::{MessageType, S1UeSecurityCapability, SecurityModeCommand, UeSecurityCapability};
use crate::security::{Algorithms, Context, Identity, Place, Target, UeSecurity};

use super::policy::{NULL, Policy, check_algorithms, check_no_fall, pick};
use crate::procedure::step::Step;

/// First octet of an EAP-Success (RFC 3748).
const EAP_SUCCESS: u8 = 3;

/// A key from outside this UE's contexts.
#[derive(Clone, Copy, Debug)]
pub struct NewKey<'a> {
    /// The key.
    pub k_amf: &'a KAmf,
    /// Its name: mapped for a key from EPS.
    pub ng_ksi: NgKsi,
    /// The UE's capability. `None` after mobility from EPS: algorithms 0, 1 and 2 are assumed.
    pub ue_sec_cap: Option<UeSecurityCapability>,
}

impl NewKey<'_> {
    /// What its context is made from.
    pub(in crate::procedure) fn identity(&self) -> Identity {
        let known = self.ue_sec_cap;
        Identity {
            k_amf: self.k_amf.clone(),
            ng_ksi: self.ng_ksi,
            ue_sec_cap: known.unwrap_or(UeSecurityCapability::ASSUMED_FROM_EPS),
            emergency: false,
        }
    }
}

/// The context that a command takes into use.
#[derive(Clone, Copy, Debug)]
pub enum Activation<'a> {
    /// The current one as it is: a second access, a fresh UL COUNT, EPS algorithms. With a capability that changed
    /// the same keys and COUNTs under the new capability.
    Current,
    /// The current K_AMF with other algorithms; COUNTs go on (TS 33.501 6.4.5).
    NewAlgorithms,
    /// The partial context of the latest authentication.
    Partial,
    /// The full native non-current one; its COUNTs go on.
    NonCurrent,
    /// K_AMF' derived here from the current K_AMF and the UL COUNT of a verified REGISTRATION REQUEST over 3GPP
    /// access (TS 33.501 A.13 with DIRECTION 0). Sets HDP, as nothing else does but the next (R49).
    Horizontal {
        /// That UL COUNT.
        ul_count: u32,
    },
    /// K_AMF' derived by the source AMF, which told so (keyAmfHDerivationInd). Sets HDP.
    HorizontalReceived(NewKey<'a>),
    /// K_AMF' mapped from EPS (TS 33.501 A.15).
    Mapped(NewKey<'a>),
}

/// A security mode command to be.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The access it goes out on.
    pub access: AccessType,
    /// The context it takes into use.
    pub activation: Activation<'a>,
    /// `None`: chosen by the operator's lists.
    pub algorithms: Option<Algorithms>,
    /// The ngKSI that the caller believes to take into use; checked when given.
    pub ng_ksi: Option<NgKsi>,
    /// The UE's capability when a verified message brought another one than the context's.
    pub ue_sec_cap: Option<UeSecurityCapability>,
    /// Type of the initial message whose procedure is going on: the only one that the NAS message container of the
    /// answer may hold (R45). `None`: a container in the answer is not looked at.
    pub ongoing: Option<MessageType>,
    /// Ask for the IMEISV.
    pub imeisv: bool,
    /// Ask for the whole initial message (RINMR): the first one failed integrity or its container is garbage.
    pub retransmission: bool,
    /// Selected EPS NAS security algorithms.
    pub eps: Option<EpsAlgorithms>,
    /// Replayed S1 UE security capability.
    pub s1_sec_cap: Option<S1UeSecurityCapability>,
    /// EAP-Success.
    pub eap_success: Option<&'a [u8]>,
    /// ABBA.
    pub abba: Option<&'a [u8]>,
    /// AUN3 device security key.
    pub aun3_key: Option<Aun3Key<'a>>,
}

impl<'a> Request<'a> {
    /// A command without optional elements.
    #[must_use]
    pub const fn new(access: AccessType, activation: Activation<'a>) -> Self {
        Self {
            access,
            activation,
            algorithms: None,
            ng_ksi: None,
            ue_sec_cap: None,
            ongoing: None,
            imeisv: false,
            retransmission: false,
            eps: None,
            s1_sec_cap: None,
            eap_success: None,
            abba: None,
            aun3_key: None,
        }
    }
}

/// A request that passed all checks.
pub(super) struct Plan {
    pub(super) step: Step,
    pub(super) algorithms: Algorithms,
    pub(super) ng_ksi: NgKsi,
    pub(super) ue_sec_cap: UeSecurityCapability,
    pub(super) horizontal: bool,
}

impl Plan {
    /// Checks the request against the UE's contexts and chooses the algorithms. Changes nothing.
    pub(super) fn make(ue: &UeSecurity, request: &Request<'_>, policy: &Policy) -> Result<Self> {
        let current = || ue.context(Place::Current).ok_or(Error::OutOfOrder);
        let plan = match request.activation {
            Activation::Current => Self::current(current()?, request)?,
            Activation::NewAlgorithms => Self::new_algorithms(current()?, request, policy)?,
            Activation::Partial | Activation::NonCurrent => Self::non_current(ue, request, policy)?,
            Activation::Horizontal { ul_count } => {
                let old = current()?;
                let accepted = ue
                    .pair(Place::Current, AccessType::ThreeGpp)
                    .map(|pair| pair.receive.next_min());
                if old.algorithms().is_none_or(|a| a.nia == Nia::Nia0)
                    || accepted.is_none_or(|min| ul_count >= min)
                {
                    return Err(Error::Horizontal);
                }
                let key = k_amf_prime(old.k_amf(), HorizontalDirection::Mobility, ul_count);
                let cap = request.ue_sec_cap.unwrap_or(*old.ue_sec_cap());
                let algorithms = pick(request.algorithms, policy, (&cap, false))?;
                Self {
                    horizontal: true,
                    ..Self::fresh(Step::Horizontal(key), algorithms, (old.ng_ksi(), cap))
                }
            }
            Activation::HorizontalReceived(key) => Self::received(ue, request, (policy, key))?,
            Activation::Mapped(key) => {
                if !key.ng_ksi.is_mapped() {
                    return Err(Error::NgKsi);
                }
                let identity = identity_of(&key, request);
                let cap = identity.ue_sec_cap;
                let algorithms = pick(request.algorithms, policy, (&cap, false))?;
                Self::fresh(Step::Map(identity), algorithms, (key.ng_ksi, cap))
            }
        };
        if request
            .ng_ksi
            .is_some_and(|expected| expected != plan.ng_ksi)
        {
            return Err(Error::NgKsi);
        }
        // An unauthenticated emergency session has ngKSI 0, native (TS 24.501 5.4.2.2).
        if plan.algorithms == NULL && plan.ng_ksi.bits() != 0 {
            return Err(Error::NgKsi);
        }
        // The second access still uses the context before: first a command for it (TS 33.501 6.3.2).
        if ue.context(Place::Previous).is_some()
            && !matches!(plan.step, Step::Make(Target::Current))
        {
            return Err(Error::Conflict);
        }
        check_elements(request, plan.algorithms)?;
        Ok(plan)
    }

    fn fresh(
        step: Step,
        algorithms: Algorithms,
        (ng_ksi, ue_sec_cap): (NgKsi, UeSecurityCapability),
    ) -> Self {
        Self {
            step,
            algorithms,
            ng_ksi,
            ue_sec_cap,
            horizontal: false,
        }
    }

    fn current(current: &Context, request: &Request<'_>) -> Result<Self> {
        let algorithms = current.algorithms().ok_or(Error::OutOfOrder)?;
        let cap = request.ue_sec_cap.unwrap_or(*current.ue_sec_cap());
        fixed(request, algorithms)?;
        check_algorithms(algorithms, (&cap, current.emergency()))?;
        // A capability is replaced only by a context of its own that a command takes into use (R44).
        let same = cap == *current.ue_sec_cap();
        let target = if same {
            Target::Current
        } else {
            Target::NewAlgorithms(algorithms)
        };
        Ok(Self::fresh(
            Step::Make(target),
            algorithms,
            (current.ng_ksi(), cap),
        ))
    }

    fn new_algorithms(current: &Context, request: &Request<'_>, policy: &Policy) -> Result<Self> {
        let old = current.algorithms().ok_or(Error::OutOfOrder)?;
        let cap = request.ue_sec_cap.unwrap_or(*current.ue_sec_cap());
        let algorithms = pick(request.algorithms, policy, (&cap, current.emergency()))?;
        check_no_fall(old, algorithms)?;
        let step = Step::Make(Target::NewAlgorithms(algorithms));
        Ok(Self::fresh(step, algorithms, (current.ng_ksi(), cap)))
    }

    fn non_current(ue: &UeSecurity, request: &Request<'_>, policy: &Policy) -> Result<Self> {
        let spare = ue.context(Place::NonCurrent).ok_or(Error::OutOfOrder)?;
        let cap = request.ue_sec_cap.unwrap_or(*spare.ue_sec_cap());
        let partial = matches!(request.activation, Activation::Partial);
        let (target, algorithms) = match spare.algorithms() {
            None if partial => {
                let algorithms = pick(request.algorithms, policy, (&cap, spare.emergency()))?;
                (Target::Partial(algorithms), algorithms)
            }
            Some(algorithms) if !partial => {
                fixed(request, algorithms)?;
                check_algorithms(algorithms, (&cap, spare.emergency()))?;
                (Target::NonCurrent, algorithms)
            }
            _ => return Err(Error::OutOfOrder),
        };
        Ok(Self::fresh(
            Step::Make(target),
            algorithms,
            (spare.ng_ksi(), cap),
        ))
    }

    /// K_AMF' from the source AMF: beside the context it came from, or alone in a new session.
    fn received(
        ue: &UeSecurity,
        request: &Request<'_>,
        (policy, key): (&Policy, NewKey<'_>),
    ) -> Result<Self> {
        let identity = identity_of(&key, request);
        let cap = identity.ue_sec_cap;
        let algorithms = pick(request.algorithms, policy, (&cap, false))?;
        let step = if ue
            .context(Place::Current)
            .is_some_and(|c| c.ng_ksi() == key.ng_ksi)
        {
            Step::Horizontal(key.k_amf.clone())
        } else {
            match ue.context(Place::NonCurrent) {
                None => Step::Adopt(identity),
                // An earlier command with this key stayed without an answer.
                Some(spare) if spare.k_amf() == key.k_amf && spare.algorithms().is_none() => {
                    Step::Make(Target::Partial(algorithms))
                }
                Some(_) => return Err(Error::OutOfOrder),
            }
        };
        Ok(Self {
            horizontal: true,
            ..Self::fresh(step, algorithms, (key.ng_ksi, cap))
        })
    }

    /// The message (TS 24.501 8.2.25).
    pub(super) fn message<'a>(&self, request: &Request<'a>) -> SecurityModeCommand<'a> {
        let additional = AdditionalSecurity {
            horizontal: self.horizontal,
            retransmission: request.retransmission,
        };
        SecurityModeCommand {
            imeisv_request: request.imeisv.then_some(1),
            eps: request.eps,
            additional: (additional != AdditionalSecurity::default()).then_some(additional),
            eap: request.eap_success,
            abba: request.abba,
            s1_sec_cap: request.s1_sec_cap,
            aun3_key: request.aun3_key,
            ..SecurityModeCommand::new(
                self.algorithms.nea.id(),
                self.algorithms.nia.id(),
                self.ng_ksi,
                self.ue_sec_cap,
            )
        }
    }
}

fn identity_of(key: &NewKey<'_>, request: &Request<'_>) -> Identity {
    NewKey {
        ue_sec_cap: request.ue_sec_cap.or(key.ue_sec_cap),
        ..*key
    }
    .identity()
}

/// Algorithms of a context that is taken as it is cannot be asked for anew.
fn fixed(request: &Request<'_>, algorithms: Algorithms) -> Result<()> {
    if request.algorithms.is_some_and(|asked| asked != algorithms) {
        Err(Error::Argument)
    } else {
        Ok(())
    }
}

fn check_elements(request: &Request<'_>, algorithms: Algorithms) -> Result<()> {
    if request
        .eap_success
        .is_some_and(|eap| eap.first() != Some(&EAP_SUCCESS) || request.abba.is_none())
    {
        return Err(Error::IeCombination);
    }
    let Some(eps) = request.eps else {
        return Ok(());
    };
    let s1 = request.s1_sec_cap.ok_or(Error::IeCombination)?;
    // Null goes with null on both sides of N26, and only there (TS 24.501 5.4.2.2).
    if (eps.eia == 0) != (algorithms.nia == Nia::Nia0) || (eps.eia == 0 && eps.eea != 0) {
        return Err(Error::NullIntegrity);
    }
    let supported =
        (eps.eea == 0 || s1.supports_eea(eps.eea)) && (eps.eia == 0 || s1.supports_eia(eps.eia));
    if supported {
        Ok(())
    } else {
        Err(Error::AlgorithmNotSupported)
    }
}
