//! How the context that a command or a container names comes to be, and how that is undone when nothing came of it.

use crate::base::{AccessType, Result};
use crate::kdf::KAmf;
use crate::security::{Algorithms, Identity, Place, Resources, Target, UeSecurity};

/// The one step, the same at both ends.
pub(super) enum Step {
    /// From what this UE has.
    Make(Target),
    /// K_AMF' with the name and the capability of the current context.
    Horizontal(KAmf),
    /// A key from elsewhere that starts as a partial context.
    Adopt(Identity),
    /// A key mapped from EPS.
    Map(Identity),
}

impl Step {
    /// The place that the procedure's messages are protected from.
    pub(super) const fn place(&self) -> Place {
        match self {
            Self::Make(Target::Current) => Place::Current,
            _ => Place::Candidate,
        }
    }

    /// True when the context has no algorithms without the command.
    pub(super) const fn is_partial(&self) -> bool {
        matches!(self, Self::Make(Target::Partial(_)) | Self::Adopt(_))
    }

    /// Takes the step. Nothing changes after an error.
    pub(super) fn install(
        &self,
        ue: &mut UeSecurity,
        (access, algorithms): (AccessType, Algorithms),
        from: Resources<'_>,
    ) -> Result<()> {
        match self {
            Self::Make(target) => ue.make_candidate(*target, access, from).map(drop),
            Self::Horizontal(key) => ue.horizontal(key.clone(), algorithms, from),
            Self::Map(identity) => ue.mapped(copy(identity), algorithms, from),
            Self::Adopt(identity) => ue.adopt(copy(identity), algorithms, from),
        }
    }

    /// Takes the step back. A key that protected nothing may come again.
    pub(super) fn undo(&self, ue: &mut UeSecurity, from: Resources<'_>) {
        let key = match self {
            Self::Make(Target::Current) => return,
            Self::Make(_) => return ue.withdraw_candidate(self.is_partial(), from),
            Self::Horizontal(key) => key,
            Self::Adopt(identity) | Self::Map(identity) => &identity.k_amf,
        };
        ue.reject_candidate(from);
        from.keys.withdraw(ue.role(), key);
    }
}

fn copy(identity: &Identity) -> Identity {
    Identity {
        k_amf: identity.k_amf.clone(),
        ng_ksi: identity.ng_ksi,
        ue_sec_cap: identity.ue_sec_cap,
        emergency: identity.emergency,
    }
}
