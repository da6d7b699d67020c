//! Network slice-specific authentication and authorization (TS 23.502 4.2.9, TS 23.501 5.15.10, TS 24.501 5.4.7).
//!
//! ```text
//!  UE half            AMF half                                    NSSAAF
//!                     Amf::register -> Allowed, Pending, Rejected NSSAI
//!  Ue::command <----- COMMAND (EAP-Request/Identity)
//!  Ue::answer  -----> COMPLETE ----------------- Ask(Start) ---->
//!              <----- COMMAND <----------------- Event::Aaa(Continue)
//!              -----> COMPLETE ----------------- Ask(Continue) ->  any number of rounds
//!  Ue::result  <----- RESULT <------------------ Event::Aaa(Success, Failure)
//!              <----- CONFIGURATION UPDATE COMMAND, or DEREGISTRATION REQUEST
//! ```
//!
//! Events go in through [`Amf::on`], actions come out of [`Amf::next`] and count as done with [`Amf::taken`]. There is
//! no clock and no queue: what is owed is a set of flags, so nobody can make it grow, and a message is built when it is
//! taken, from the state of that moment. One run at a time for a UE, so one COMMAND at most is unanswered.
//!
//! | file | what it knows |
//! |---|---|
//! | `event` | events, actions, answers of the NSSAAF |
//! | `policy` | settings, subscription, registration, admission |
//! | `slices` | what is known of each slice |
//! | `amf` | the AMF half: state and its calls |
//! | `registration` | registration and subscription |
//! | `run` | one run: rounds, timers, end |
//! | `notice` | notifications, admission control, changes of access |
//! | `poll` | what is to be done now |
//! | `record` | the state as octets |
//! | `ue` | the UE half, for load generation and tests |

mod amf;
mod event;
mod notice;
mod policy;
mod poll;
mod record;
mod registration;
mod run;
mod slices;
mod ue;

pub use amf::Amf;
pub use event::{AaaAnswer, Action, Downlink, Event, Reachability, Refusals, Share, Status, Step};
pub use policy::{
    Admission, GPSI_MAX, NssaaSettings, Registration, SUBSCRIBED_MAX, SecondAccess, Subscribed,
    Subscription,
};
pub use record::{Kept, RECORD_MAX};
pub use ue::{Ue, UeAction, UeResult};

/// Default of timer T3575 in seconds (TS 24.501 10.2).
pub const T3575_SECONDS: u32 = 15;
