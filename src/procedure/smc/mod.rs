//! The security mode procedure (TS 24.501 5.4.2, TS 33.501 6.7.2).
//!
//! ```text
//!  AMF half                                        UE half
//!  Amf::command ------ SECURITY MODE COMMAND ----> Ue::command_received
//!  Amf::on(T3560Expired) -- the same, new COUNT ->
//!  Amf::uplink  <----- SECURITY MODE COMPLETE ---- Answer::Complete
//!               <----- SECURITY MODE REJECT ------ Answer::Reject
//! ```
//!
//! | file | what it knows |
//! |---|---|
//! | `policy` | the operator's lists and the choice of algorithms |
//! | `request` | what a command may ask, and the checks before it is sent |
//! | `step` | how a candidate comes to be, for both halves |
//! | `amf` | the AMF half: command, retransmission, answers, collisions |
//! | `outcome` | how a procedure ended, and why |
//! | `initial` | whether the initial message came twice as the same one |
//! | `ue` | the UE half, for load generation and tests |

mod amf;
mod initial;
mod outcome;
mod policy;
mod request;
mod send;
mod ue;

pub use amf::{Amf, Uplink};
pub use initial::{cleartext_digest, same_initial_message};
pub use outcome::{Action, Ending, Event, Outcome, diagnosis_of};
pub use policy::{Policy, choose};
pub(super) use policy::{check_algorithms, check_no_fall, pick};
pub use request::{Activation, NewKey, Request};
pub use send::Sent;
pub use ue::{Answer, InitialMessageToSend, Ue, UeEnv};

use crate::security::{Resources, Role, Settings};

/// Default of timer T3560 in seconds (TS 24.501 10.2). The timer itself is the caller's; longer values hold in CE
/// mode and over satellite.
pub const T3560_SECONDS: u32 = 6;

/// Whether the absence of an information element that was asked for makes the outcome an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Demand {
    /// Its absence is an error of the outcome.
    #[default]
    Required,
    /// Its absence is visible in the outcome, no error.
    Optional,
}

/// Settings of the procedure, the same for every UE of an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmcSettings {
    /// The operator's algorithm lists.
    pub policy: Policy,
    /// Retransmissions before the procedure is aborted. Default 4: the fifth expiry of T3560 aborts
    /// (TS 24.501 5.4.2.7).
    pub retransmissions: u8,
    /// Commands for one ngKSI without a verified uplink message between them before a loop is reported. Default 5.
    pub commands_before_loop: u8,
    /// NAS message container in SECURITY MODE COMPLETE, when RINMR was set or the UE had no context. Default
    /// [`Demand::Required`].
    pub container: Demand,
    /// IMEISV (or another PEI) in SECURITY MODE COMPLETE when it was asked for. Default [`Demand::Optional`].
    pub imeisv: Demand,
}

impl SmcSettings {
    /// The defaults, with the operator's lists.
    #[must_use]
    pub const fn new(policy: Policy) -> Self {
        Self {
            policy,
            retransmissions: 4,
            commands_before_loop: 5,
            container: Demand::Required,
            imeisv: Demand::Optional,
        }
    }
}

impl Default for SmcSettings {
    fn default() -> Self {
        Self::new(Policy::default())
    }
}

/// The procedure's state in a session: the half that fits its role.
#[derive(Debug)]
pub enum Half {
    /// The AMF's.
    Amf(Amf),
    /// The UE's.
    Ue(Ue),
}

impl Half {
    /// The idle half of this role.
    #[must_use]
    pub fn of(role: Role) -> Self {
        match role {
            Role::Amf => Self::Amf(Amf::default()),
            Role::Ue => Self::Ue(Ue::default()),
        }
    }
}

/// What the AMF half borrows from its surroundings.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    /// Side rooms and the guard of key freshness.
    pub from: Resources<'a>,
    /// Settings of the security floor.
    pub security: &'a Settings,
    /// Settings of this procedure.
    pub smc: &'a SmcSettings,
}
