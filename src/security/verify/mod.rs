//! Verifying: estimate COUNT -> MAC -> compare -> decipher those that passed -> check the inside -> commit COUNT
//! (TS 24.501 4.4.3, 4.4.4; TS 33.501 6.4.3, 6.4.4).
//!
//! [`estimate`] and [`check`] change nothing, so a failed message leaves the session as it was; only [`commit`]
//! does, and only with a [`Checked`] that `check` passed.

use crate::algorithm::{CipherKey, Input, Key, Nea, Nia};
use crate::base::secret::ct_eq;
use crate::base::{Direction, Error, Result};
use crate::nas::{self, FollowUp, MessageType, SecurityHeaderType, header};

use super::context::Context;
use super::count::{Behind, NearWrap};
use super::header_type;
use super::ue::{Place, PlainSum, Settings, UeSecurity};

mod commit;
mod estimate;
mod lanes;
mod octets;

pub use commit::{commit, commit_in};
use estimate::unverified;
pub use estimate::{Estimated, Expect, estimate};
pub use lanes::{check, check_one};
pub use octets::Octets;

/// What became of a received message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// `Ok`: verified, the plain message is in the output. Else why not.
    pub result: Result<()>,
    /// Type of the inner message where it can be read: always after `Ok`, and for plain and not ciphered messages.
    pub message_type: Option<MessageType>,
    /// Security header type; `None` when the header could not be read.
    pub sht: Option<SecurityHeaderType>,
    /// COUNT under which the message verified (also for [`Error::Replay`]).
    pub count: Option<u32>,
    /// Octets in the output; 0 unless `Ok`. (A plain message is its own content.)
    pub len: usize,
    /// What TS 24.501 4.4.4.3 lets an AMF do with the message although it did not verify.
    pub follow_up: FollowUp,
    /// Whether the COUNTs of this context run out.
    pub near_wrap: NearWrap,
    /// The place of the context that verified the message.
    pub place: Option<Place>,
}

impl Verdict {
    pub(crate) const fn refused(error: Error) -> Self {
        Self {
            result: Err(error),
            message_type: None,
            sht: None,
            count: None,
            len: 0,
            follow_up: FollowUp::Discard,
            near_wrap: NearWrap::No,
            place: None,
        }
    }
}

/// A message on its way through the lanes.
pub struct Checking<'a> {
    estimated: Estimated,
    ue: &'a UeSecurity,
    enc: &'a CipherKey,
    int: &'a Key,
    nea: Nea,
    nia: Nia,
    direction: Direction,
    octets: Octets<'a>,
    trial: Trial,
    mac: [u8; 4],
    failure: Option<Error>,
    /// Its plain octets are where they go.
    revealed: bool,
    tail: octets::Tail,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Trial {
    /// Compare under this COUNT next.
    Pending(u32),
    /// Verified under this COUNT.
    Passed(u32),
    Failed,
}

/// A message that passed [`check`], or its verdict.
#[must_use = "a message is not accepted before it is committed"]
pub struct Checked(core::result::Result<(Estimated, Verdict, PlainSum), Verdict>);

impl Checked {
    /// The verdict as it will be, for a caller that does not commit (`verify_only`).
    #[must_use]
    pub fn peek(&self) -> Verdict {
        match &self.0 {
            Ok((_, verdict, _)) | Err(verdict) => *verdict,
        }
    }
}

impl<'a> Checking<'a> {
    /// Joins an estimated message with the keys of its context.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] when the output cannot hold the plain message; [`Error::Unexpected`] for another UE
    /// than that of the estimate or when a context came or went since; [`Error::NoContext`].
    #[inline(always)]
    pub fn new(estimated: Estimated, ue: &'a UeSecurity, octets: Octets<'a>) -> Result<Self> {
        if estimated.stamp != ue.stamp {
            return Err(Error::Unexpected);
        }
        let keys = ue
            .context(estimated.place)
            .ok_or(Error::NoContext)?
            .keys()?;
        let needed = octets.pdu().len().saturating_sub(header::BODY);
        if let Octets::Apart { out, .. } = &octets
            && out.len() < needed
        {
            return Err(Error::BufferTooSmall);
        }
        Ok(Self {
            trial: Trial::Pending(estimated.forward),
            estimated,
            ue,
            enc: keys.enc,
            int: keys.int,
            nea: keys.algorithms.nea,
            nia: keys.algorithms.nia,
            direction: ue.role().receives(),
            octets,
            mac: [0; 4],
            failure: None,
            revealed: false,
            tail: octets::Tail::default(),
        })
    }

    fn input(&self, count: u32) -> Input {
        Input {
            count,
            bearer: self.estimated.access.bearer(),
            direction: self.direction,
        }
    }

    fn pending(&self) -> Option<u32> {
        match self.trial {
            Trial::Pending(count) => Some(count),
            _ => None,
        }
    }

    /// Compares.
    fn judge(&mut self) {
        let Trial::Pending(count) = self.trial else {
            return;
        };
        if self.estimated.null {
            self.trial = Trial::Passed(count);
            return;
        }
        let received = self.octets.pdu().get(header::MAC).unwrap_or_default();
        let same = ct_eq(received, &self.mac);
        self.compared(count, same);
    }

    /// Says what is tried next: a COUNT behind tells a replay from a bad MAC, and may be accepted inside the window.
    fn compared(&mut self, count: u32, same: bool) {
        self.trial = match (same, self.estimated.behind) {
            (true, Some(Behind::Used(used))) if used == count => {
                self.failure = Some(Error::Replay);
                Trial::Passed(count)
            }
            (true, _) => Trial::Passed(count),
            (false, Some(Behind::Used(behind) | Behind::Late(behind))) if behind != count => {
                Trial::Pending(behind)
            }
            (false, _) => Trial::Failed,
        };
    }

    /// Octets that are deciphered when the MAC is right.
    fn ciphered(&self) -> usize {
        if self.is_whole_ciphered() {
            self.octets.pdu().len().saturating_sub(header::BODY)
        } else {
            0
        }
    }

    const fn is_whole_ciphered(&self) -> bool {
        matches!(
            self.estimated.sht,
            SecurityHeaderType::Ciphered | SecurityHeaderType::CipheredNew
        )
    }

    /// The algorithms of its context.
    #[must_use]
    pub const fn pair(&self) -> (Nea, Nia) {
        (self.nea, self.nia)
    }

    #[inline(always)]
    fn result(&mut self, settings: &Settings) -> Checked {
        let checked = self.finish(settings);
        // One result a message: a second look at it finds a failure.
        self.trial = Trial::Failed;
        checked
    }

    fn context(&self) -> Option<&Context> {
        self.ue.context(self.estimated.place)
    }

    fn is_in_the_open(&self) -> bool {
        let body = self.octets.pdu().get(header::BODY..).unwrap_or_default();
        self.context()
            .is_some_and(|context| header_type::is_in_the_open(body, context.ng_ksi()))
    }

    fn is_ciphered(&self, plain: &[u8], count: u32) -> bool {
        let cipher = (self.nea, self.enc);
        self.context().is_some_and(|context| {
            header_type::is_ciphered(plain, context.ng_ksi(), cipher, self.input(count))
        })
    }

    /// Checks the inside of a deciphered message (TS 24.501 9.3, 4.4.4.3).
    fn inside(&self, (plain, count): (&[u8], u32)) -> Result<MessageType> {
        use SecurityHeaderType as Sht;
        let ciphered = matches!(self.estimated.sht, Sht::Ciphered | Sht::CipheredNew);
        let message = match nas::inner_type(plain) {
            Ok(message) => message,
            Err(_) if ciphered && self.nea != Nea::Nea0 => return Err(Error::CipherSkew),
            Err(error) => return Err(error),
        };
        let (new, wanted) = match self.estimated.sht {
            Sht::IntegrityNew => (true, MessageType::SECURITY_MODE_COMMAND),
            Sht::CipheredNew => (true, MessageType::SECURITY_MODE_COMPLETE),
            _ => (false, message),
        };
        let is_new = matches!(
            message,
            MessageType::SECURITY_MODE_COMMAND | MessageType::SECURITY_MODE_COMPLETE
        );
        if message != wanted || is_new != new {
            return Err(Error::HeaderMismatch);
        }
        let may_be_clear = self.estimated.sht != Sht::Integrity
            || self.nea == Nea::Nea0
            || message.is_initial()
            || message == MessageType::SECURITY_MODE_REJECT
            || !self.ue.secured(self.estimated.access);
        if !may_be_clear {
            Err(Error::Unciphered)
        } else if self.estimated.sht == Sht::Integrity && self.is_ciphered(plain, count) {
            Err(Error::HeaderMismatch)
        } else {
            Ok(message)
        }
    }

    #[inline(always)]
    fn finish(&mut self, settings: &Settings) -> Checked {
        let pdu_len = self.octets.pdu().len();
        let len = pdu_len.saturating_sub(header::BODY);
        let fail = |error, count| {
            let mut verdict = unverified(self.ue, self.estimated.access, self.octets.pdu(), error);
            verdict.count = count;
            verdict
        };
        let count = match (self.trial, self.failure) {
            (Trial::Passed(count), Some(error)) => return Checked(Err(fail(error, Some(count)))),
            (Trial::Passed(count), None) => count,
            _ => return Checked(Err(fail(Error::Mac, None))),
        };
        let sht = Some(self.estimated.sht);
        match self.inside((self.octets.plain(len), count)) {
            Err(error) => {
                self.octets.wipe(len);
                Checked(Err(Verdict {
                    sht,
                    count: Some(count),
                    ..Verdict::refused(error)
                }))
            }
            Ok(message_type) => {
                let near_wrap = settings.thresholds.level_of(self.estimated.null, count);
                let place = Some(self.estimated.place);
                let verdict = Verdict {
                    result: Ok(()),
                    message_type: Some(message_type),
                    sht,
                    count: Some(count),
                    len,
                    follow_up: FollowUp::None,
                    near_wrap,
                    place,
                };
                // Only these have a container.
                let sum = if message_type.is_initial() {
                    PlainSum::of(self.octets.plain(len))
                } else {
                    PlainSum::default()
                };
                Checked(Ok((self.estimated, verdict, sum)))
            }
        }
    }
}
