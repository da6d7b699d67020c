//! What an exchange leads to.

use core::fmt;

use crate::nssaaf::service::Cause;

/// Why an authentication got no further. None of these is a verdict on the UE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// 404: the NSSAAF forgot this authentication (it was restarted, or the UE took too long). Begin anew.
    ContextNotFound,
    /// 404: the NSSAAF knows no way to this user.
    UserNotFound,
    /// 403: no authentication for this slice.
    Rejected,
    /// 504: the AAA server does not answer, or not sensibly.
    Upstream(Cause),
    /// Another status: a defect at one side or the other.
    Status(u16),
    /// An answer that is not what TS 29.526 says, or is about somebody else.
    Malformed,
    /// No NSSAAF could be reached, however often it was tried.
    Unreachable,
    /// No authentication runs under this ticket.
    NoRun,
}

/// What an exchange led to.
#[derive(Clone, PartialEq, Eq)]
pub enum Outcome {
    /// An EAP-Request for the UE.
    Request(Vec<u8>),
    /// EAP-Success for the UE: authenticated.
    Success(Vec<u8>),
    /// EAP-Failure for the UE: refused.
    Failure(Vec<u8>),
    /// No verdict.
    Trouble(Trouble),
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(eap) => write!(f, "Request({} octets)", eap.len()),
            Self::Success(_) => f.write_str("Success"),
            Self::Failure(_) => f.write_str("Failure"),
            Self::Trouble(trouble) => write!(f, "Trouble({trouble:?})"),
        }
    }
}

impl Outcome {
    /// What [`Outcomes::rows`] calls it.
    const fn row(&self) -> usize {
        match self {
            Self::Request(_) => 0,
            Self::Success(_) => 1,
            Self::Failure(_) => 2,
            Self::Trouble(trouble) => match trouble {
                Trouble::Rejected => 3,
                Trouble::UserNotFound => 4,
                Trouble::ContextNotFound | Trouble::NoRun => 5,
                Trouble::Upstream(_) => 6,
                Trouble::Unreachable => 7,
                Trouble::Malformed => 8,
                Trouble::Status(_) => 9,
            },
        }
    }
}

/// How many answers led to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes([u64; Self::NAMES.len()]);

impl Outcomes {
    /// What answers lead to, as words of a label.
    pub const NAMES: [&'static str; 10] = [
        "request",
        "success",
        "failure",
        "rejected",
        "unknown_user",
        "context_lost",
        "upstream",
        "unreachable",
        "malformed",
        "status",
    ];

    pub(crate) const fn count(&mut self, outcome: &Outcome) {
        self.0[outcome.row()] += 1;
    }

    /// The numbers, in the order of [`Outcomes::NAMES`].
    #[must_use]
    pub const fn rows(&self) -> &[u64; Self::NAMES.len()] {
        &self.0
    }
}
