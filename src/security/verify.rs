//! Verifying: estimate COUNT -> MAC -> compare -> decipher those that passed -> check the inside -> commit COUNT
//! (TS 24.501 4.4.3, 4.4.4; TS 33.501 6.4.3, 6.4.4).
//!
//! [`estimate`] and [`check`] change nothing, so a failed message leaves the session as it was; only [`commit`]
//! does, and only with a [`Checked`] that `check` passed.

use arrayvec::ArrayVec;

use crate::algorithm::{self, CipherLane, Input, Key, MacLane, Nea, Nia};
use crate::base::secret::ct_eq;
use crate::base::{AccessType, Direction, Error, Result};
use crate::nas::{
    self, FollowUp, InitialMessage, MessageType, Pdu, SecurityHeaderType, Situation, header,
};

use super::context::{Context, Role};
use super::count::{Behind, NearWrap};
use super::header_type;
use super::protect::LANES;
use super::ue::{LastVerified, Place, Settings, UeSecurity};

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

/// What the caller waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Anything but a message of the security mode procedure with a new context.
    Any,
    /// AMF: also SECURITY MODE COMPLETE (header type 4) under the context in this place.
    Complete(Place),
    /// UE: a SECURITY MODE COMMAND (header type 3) under the context in this place.
    Command(Place),
}

/// A protected message with the COUNTs that it may have.
#[derive(Clone, Copy, Debug)]
pub struct Estimated {
    access: AccessType,
    sht: SecurityHeaderType,
    sn: u8,
    place: Place,
    forward: u32,
    behind: Option<Behind>,
    null: bool,
}

/// Finds the context and the COUNT for a PDU as it came from NGAP. A plain message ends here, with its verdict.
///
/// # Errors
/// The verdict of a message that cannot be verified; see [`Verdict::result`].
pub fn estimate(
    ue: &UeSecurity,
    access: AccessType,
    (pdu, expect): (&[u8], Expect),
    settings: &Settings,
) -> core::result::Result<Estimated, Verdict> {
    let protected = match Pdu::parse(pdu) {
        Err(error) => return Err(Verdict::refused(error)),
        Ok(Pdu::Plain(_)) => return Err(plain(ue, access, pdu)),
        Ok(Pdu::Protected(protected)) => protected,
    };
    let sht = protected.sht();
    let refuse = |error| Err(unverified(ue, access, pdu, error));
    let place = match (sht, expect) {
        (SecurityHeaderType::CipheredNew, Expect::Complete(place))
        | (SecurityHeaderType::IntegrityNew, Expect::Command(place)) => place,
        (
            SecurityHeaderType::Integrity | SecurityHeaderType::Ciphered,
            Expect::Any | Expect::Complete(_),
        ) => named(ue, access, protected.body(), sht),
        _ => return refuse(Error::HeaderType),
    };
    let keys = match ue
        .context(place)
        .ok_or(Error::NoContext)
        .and_then(|context| context.keys())
    {
        Ok(keys) => keys,
        Err(error) => return refuse(error),
    };
    let Some(pair) = ue.pair(place, access) else {
        return refuse(Error::NoContext);
    };
    let null = keys.algorithms.nia == Nia::Nia0;
    let sn = protected.sn();
    let found = pair.receive.estimate(sn, settings.out_of_order);
    let forward = match found.forward {
        Some(count) => count,
        None if null => 0,
        None => return refuse(Error::CountExhausted),
    };
    Ok(Estimated {
        access,
        sht,
        sn,
        place,
        forward,
        behind: found.behind,
        null,
    })
}

/// The context that protects an ordinary message on this access. An initial message that is not ciphered says its
/// ngKSI, and may name the full native non-current context (TS 33.501 6.8.1.2.0).
fn named(ue: &UeSecurity, access: AccessType, body: &[u8], sht: SecurityHeaderType) -> Place {
    let in_use = ue.in_use(access);
    if sht == SecurityHeaderType::Integrity
        && ue.role() == Role::Amf
        && ue.key_change().is_none()
        && ue.context(Place::Previous).is_none()
        && let Some(spare) = ue
            .context(Place::NonCurrent)
            .filter(|c| c.algorithms().is_some())
        && ue
            .context(in_use)
            .is_none_or(|c| c.ng_ksi() != spare.ng_ksi())
        && InitialMessage::parse(body).is_ok_and(|initial| initial.ng_ksi == spare.ng_ksi())
    {
        return Place::NonCurrent;
    }
    in_use
}

/// `protected`: the message came protected, so its context exists or was lost.
fn situation(ue: &UeSecurity, access: AccessType, protected: bool) -> Situation {
    if ue.secured(access) {
        Situation::SecureExchange
    } else if protected || ue.context(Place::Current).is_some() {
        Situation::ContextUnverified
    } else {
        Situation::NoContext
    }
}

fn plain(ue: &UeSecurity, access: AccessType, pdu: &[u8]) -> Verdict {
    let mut verdict = Verdict::refused(Error::PlainRefused);
    verdict.sht = Some(SecurityHeaderType::Plain);
    let message_type = match nas::inner_type(pdu) {
        Ok(message_type) => message_type,
        Err(error) => {
            verdict.result = Err(error);
            return verdict;
        }
    };
    verdict.message_type = Some(message_type);
    let allowed = match ue.role() {
        Role::Amf => nas::accepted_unprotected_uplink(message_type, situation(ue, access, false)),
        Role::Ue => !ue.secured(access) && nas::accepted_unprotected_downlink(pdu),
    };
    if allowed {
        verdict.result = Err(Error::PlainAllowed);
        verdict.follow_up = if ue.role() == Role::Amf {
            FollowUp::of(pdu)
        } else {
            FollowUp::None
        };
    }
    verdict
}

/// A message that did not verify: says its type where it is not ciphered, and what may be done with it.
fn unverified(ue: &UeSecurity, access: AccessType, pdu: &[u8], error: Error) -> Verdict {
    let mut verdict = Verdict::refused(error);
    let Ok(Pdu::Protected(protected)) = Pdu::parse(pdu) else {
        return verdict;
    };
    verdict.sht = Some(protected.sht());
    let clear = matches!(
        protected.sht(),
        SecurityHeaderType::Integrity | SecurityHeaderType::IntegrityNew
    );
    if !clear {
        return verdict;
    }
    let Ok(message_type) = nas::inner_type(protected.body()) else {
        return verdict;
    };
    verdict.message_type = Some(message_type);
    if ue.role() == Role::Amf
        && error != Error::Replay
        && protected.sht() == SecurityHeaderType::Integrity
        && nas::accepted_unprotected_uplink(message_type, situation(ue, access, true))
    {
        verdict.follow_up = FollowUp::of(protected.body());
    }
    verdict
}

/// The octets of a message and the room for its plain content.
pub enum Octets<'a> {
    /// The PDU stays as it is; the output has at least as many octets as the plain message.
    Apart {
        /// The PDU as received.
        pdu: &'a [u8],
        /// Room for the plain message.
        out: &'a mut [u8],
    },
    /// The plain message replaces the PDU, from its first octet on, if the MAC verifies; else nothing changes.
    InPlace(&'a mut [u8]),
}

impl Octets<'_> {
    /// The same octets, for a shorter time.
    pub(crate) fn reborrow(&mut self) -> Octets<'_> {
        match self {
            Self::Apart { pdu, out } => Octets::Apart { pdu, out },
            Self::InPlace(pdu) => Octets::InPlace(pdu),
        }
    }

    /// The PDU as received, as long as nothing was deciphered.
    pub(crate) fn pdu(&self) -> &[u8] {
        match self {
            Self::Apart { pdu, .. } => pdu,
            Self::InPlace(pdu) => pdu,
        }
    }

    /// Moves the body to the output and returns it.
    fn lay_out(&mut self) -> Option<&mut [u8]> {
        match self {
            Self::Apart { pdu, out } => {
                let body = pdu.get(header::BODY..)?;
                let out = out.get_mut(..body.len())?;
                out.copy_from_slice(body);
                Some(out)
            }
            Self::InPlace(pdu) => {
                let len = pdu.len().checked_sub(header::BODY)?;
                pdu.copy_within(header::BODY.., 0);
                pdu.get_mut(..len)
            }
        }
    }

    /// The first `len` octets of the output.
    pub(crate) fn plain(&self, len: usize) -> &[u8] {
        match self {
            Self::Apart { out, .. } => out.get(..len).unwrap_or_default(),
            Self::InPlace(pdu) => pdu.get(..len).unwrap_or_default(),
        }
    }

    fn wipe(&mut self, len: usize) {
        let octets = match self {
            Self::Apart { out, .. } => out.get_mut(..len),
            Self::InPlace(pdu) => pdu.get_mut(..len),
        };
        octets.unwrap_or_default().fill(0);
    }
}

/// A message on its way through the lanes.
pub struct Checking<'a> {
    estimated: Estimated,
    ue: &'a UeSecurity,
    enc: &'a Key,
    int: &'a Key,
    nea: Nea,
    nia: Nia,
    direction: Direction,
    octets: Octets<'a>,
    trial: Trial,
    mac: [u8; 4],
    failure: Option<Error>,
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
pub struct Checked(core::result::Result<(Estimated, Verdict), Verdict>);

impl Checked {
    /// The verdict as it will be, for a caller that does not commit (`verify_only`).
    #[must_use]
    pub fn peek(&self) -> Verdict {
        match &self.0 {
            Ok((_, verdict)) | Err(verdict) => *verdict,
        }
    }
}

impl<'a> Checking<'a> {
    /// Joins an estimated message with the keys of its context.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`] when the output cannot hold the plain message; [`Error::NoContext`].
    pub fn new(estimated: Estimated, ue: &'a UeSecurity, octets: Octets<'a>) -> Result<Self> {
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

    /// Compares, and says what is tried next: a COUNT behind tells a replay from a bad MAC, and may be accepted
    /// inside the window.
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

    fn ciphered(&mut self) -> Option<CipherLane<'_>> {
        let Trial::Passed(count) = self.trial else {
            return None;
        };
        if self.failure.is_some() {
            return None;
        }
        let (key, input) = (self.enc, self.input(count));
        let whole = matches!(
            self.estimated.sht,
            SecurityHeaderType::Ciphered | SecurityHeaderType::CipheredNew
        );
        if whole && self.nea != Nea::Nea0 && self.is_in_the_open() {
            self.failure = Some(Error::HeaderMismatch);
            return None;
        }
        let data = self.octets.lay_out()?;
        whole.then_some(CipherLane { key, input, data })
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

    fn finish(mut self, settings: &Settings) -> Checked {
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
                let near_wrap = if self.estimated.null {
                    NearWrap::No
                } else {
                    settings.thresholds.level(count)
                };
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
                Checked(Ok((self.estimated, verdict)))
            }
        }
    }
}

/// Verifies and deciphers messages in lanes and hands each result to `each`, in order. Sessions are not changed.
pub fn check<'a>(
    batch: impl Iterator<Item = Checking<'a>>,
    settings: &Settings,
    mut each: impl FnMut(Checked),
) {
    let mut chunk: ArrayVec<Checking<'a>, LANES> = ArrayVec::new();
    for message in batch {
        chunk.push(message);
        if chunk.is_full() {
            run(&mut chunk);
            chunk
                .drain(..)
                .for_each(|message| each(message.finish(settings)));
        }
    }
    run(&mut chunk);
    chunk
        .drain(..)
        .for_each(|message| each(message.finish(settings)));
}

fn run(chunk: &mut [Checking<'_>]) {
    // Twice at most: the estimate, then the one COUNT behind it.
    while chunk.iter().any(|message| message.pending().is_some()) {
        for nia in Nia::ALL {
            mac_lanes(chunk, nia);
        }
        chunk.iter_mut().for_each(Checking::judge);
    }
    for nea in Nea::ALL {
        let mut lanes: ArrayVec<CipherLane<'_>, LANES> = chunk
            .iter_mut()
            .filter(|m| m.nea == nea)
            .filter_map(Checking::ciphered)
            .collect();
        if !lanes.is_empty() {
            algorithm::cipher(nea, &mut lanes);
        }
    }
}

fn mac_lanes(chunk: &mut [Checking<'_>], nia: Nia) {
    let mut lanes: ArrayVec<MacLane<'_>, LANES> = chunk
        .iter()
        .filter(|m| m.nia == nia)
        .filter_map(|m| {
            let message = m.octets.pdu().get(header::SN..)?;
            Some(MacLane::new(m.int, m.input(m.pending()?), message))
        })
        .collect();
    if lanes.is_empty() {
        return;
    }
    algorithm::mac(nia, &mut lanes);
    let macs: ArrayVec<[u8; 4], LANES> = lanes.iter().map(|lane| lane.mac).collect();
    drop(lanes);
    let waiting = chunk
        .iter_mut()
        .filter(|m| m.nia == nia && m.pending().is_some());
    for (message, mac) in waiting.zip(macs) {
        message.mac = mac;
    }
}

/// Accepts a checked message: its COUNT can never be accepted again.
///
/// Returns the verdict, which is [`Error::Replay`] when the same COUNT was accepted since the estimate.
pub fn commit(ue: &mut UeSecurity, checked: Checked, settings: &Settings) -> Verdict {
    let (estimated, mut verdict) = match checked.0 {
        Ok(passed) => passed,
        Err(verdict) => return verdict,
    };
    let Some(pair) = ue.pair_mut(estimated.place, estimated.access) else {
        return Verdict::refused(Error::NoContext);
    };
    let count = verdict.count.unwrap_or_default();
    if estimated.null {
        verdict.count = Some(pair.receive.follow_null_integrity(estimated.sn));
    } else if let Err(error) = pair.receive.accept(count, settings.out_of_order) {
        return Verdict {
            sht: verdict.sht,
            count: verdict.count,
            ..Verdict::refused(error)
        };
    }
    if estimated.place == Place::NonCurrent {
        ue.take_non_current();
        verdict.place = Some(Place::Current);
    }
    let initial = verdict.message_type.is_some_and(MessageType::is_initial);
    let answered = ue.role() == Role::Ue && estimated.sht == SecurityHeaderType::Ciphered;
    let state = &mut ue.access[estimated.access.index()];
    // The AMF answered the initial message protected: secure exchange is up for the UE too (TS 24.501 4.4.2.5).
    state.secured |= answered;
    if initial && ue_receives_initial(estimated.sht) && !state.secured {
        state.initial_accepted = true;
        state.as_count = verdict.count;
    }
    state.last = verdict.place.map(|place| LastVerified {
        count: verdict.count.unwrap_or_default(),
        place,
        whole_ciphered_new: estimated.sht == SecurityHeaderType::CipheredNew,
    });
    verdict
}

/// Initial messages come with header type 1, or with 2 in connected mode (TS 24.501 4.4.6).
const fn ue_receives_initial(sht: SecurityHeaderType) -> bool {
    matches!(
        sht,
        SecurityHeaderType::Integrity | SecurityHeaderType::Ciphered
    )
}
