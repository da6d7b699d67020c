//! Verifying: estimate COUNT -> MAC -> compare -> decipher those that passed -> check the inside -> commit COUNT
//! (TS 24.501 4.4.3, 4.4.4; TS 33.501 6.4.3, 6.4.4).
//!
//! [`estimate`] and [`check`] change nothing, so a failed message leaves the session as it was; only [`commit`]
//! does, and only with a [`Checked`] that `check` passed.

use arrayvec::ArrayVec;
use core::ops::Range;

use crate::algorithm::{self, CipherKey, CipherLane, Input, Key, Nea, Nia, OpenLane};
use crate::base::secret::{ct_eq, wipe};
use crate::base::{Direction, Error, Result};
use crate::nas::{self, FollowUp, MessageType, SecurityHeaderType, header};

use super::context::Context;
use super::count::{Behind, NearWrap};
use super::header_type;
use super::protect::{Done, LANES};
use super::ue::{Place, PlainSum, Settings, UeSecurity};

mod commit;
mod estimate;
mod octets;

pub use commit::{commit, commit_in};
use estimate::unverified;
pub use estimate::{Estimated, Expect, estimate};
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

    /// Moves the body of a message that passed to the output, and deciphers it with a keystream that is there
    /// already; else the lane that remains to be deciphered.
    fn decipher(&mut self, keystream: &[u8]) -> Option<CipherLane<'_>> {
        let Trial::Passed(count) = self.trial else {
            return None;
        };
        if self.failure.is_some() {
            return None;
        }
        let (key, input) = (self.enc, self.input(count));
        let whole = self.is_whole_ciphered();
        if whole && self.nea != Nea::Nea0 && self.is_in_the_open() {
            self.failure = Some(Error::HeaderMismatch);
            return None;
        }
        let data = self.octets.lay_out()?;
        if !whole {
            return None;
        }
        if !keystream.is_empty() {
            algorithm::xor(data, keystream);
            return None;
        }
        Some(CipherLane { key, input, data })
    }

    /// Its MAC and its keystream come in one pass.
    fn opens(&self) -> bool {
        algorithm::opens(self.nea, self.nia)
    }

    #[inline(always)]
    fn open_lane<'b>(&'b self, count: u32, keystream: &'b mut [u8]) -> OpenLane<'b> {
        OpenLane {
            enc: self.enc,
            int: self.int,
            input: self.input(count),
            text: self.octets.pdu().get(header::SN..).unwrap_or_default(),
            keystream,
            mac: [0; 4],
        }
    }

    #[inline(always)]
    fn check_alone(&mut self) {
        if self.opens() && self.ciphered() <= LONE {
            let mut room = [0; LONE];
            let keystream = &mut room[..self.ciphered()];
            self.verify_alone(keystream);
            wipe(keystream);
        } else {
            self.verify_alone(&mut []);
        }
    }

    #[inline(always)]
    fn verify_alone(&mut self, keystream: &mut [u8]) {
        self.try_mac(keystream);
        self.judge();
        let again = self.pending().is_some();
        if again {
            self.try_mac(&mut []);
            self.judge();
        }
        let nea = self.nea;
        if let Some(lane) = self.decipher(if again { &[] } else { keystream }) {
            algorithm::cipher(nea, &mut [lane]);
        }
    }

    #[inline(always)]
    fn try_mac(&mut self, keystream: &mut [u8]) {
        if let Some(count) = self.pending() {
            let mut lane = [self.open_lane(count, keystream)];
            algorithm::open(self.nea, self.nia, &mut lane);
            let [OpenLane { mac, .. }] = lane;
            self.mac = mac;
        }
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

/// Octets of keystream for a message that comes alone, and for each of [`FEW`]. What finds no room is deciphered after its
/// MAC was compared, in a pass of its own. More messages fill the widest lanes with either use: none of theirs has room.
const LONE: usize = 512;
const PIECE: usize = 128;
const FEW: usize = 8;

/// Verifies and deciphers messages in lanes and hands each result to `each`, in order. Sessions are not changed.
pub fn check(batch: &mut [Checking<'_>], settings: &Settings, mut each: impl FnMut(Checked)) {
    for chunk in batch.chunks_mut(LANES) {
        match chunk {
            [one] => one.check_alone(),
            chunk if chunk.len() <= FEW && chunk.iter().any(Checking::opens) => {
                let mut room = [0; FEW * PIECE];
                run(chunk, &mut room);
                wipe(&mut room);
            }
            chunk => run(chunk, &mut []),
        }
    }
    for message in batch {
        each(message.result(settings));
    }
}

/// As [`check`], for one message: nothing of it is moved into lanes and back.
#[inline(always)]
pub fn check_one(mut message: Checking<'_>, settings: &Settings) -> Checked {
    message.check_alone();
    message.result(settings)
}

fn run(chunk: &mut [Checking<'_>], room: &mut [u8]) {
    // Twice at most: the estimate, then the one COUNT behind it, which is rare and makes no keystream.
    let mut keystreams = try_macs(chunk, room);
    chunk.iter_mut().for_each(Checking::judge);
    if chunk.iter().any(|message| message.pending().is_some()) {
        let again: ArrayVec<bool, LANES> = chunk.iter().map(|m| m.pending().is_some()).collect();
        try_macs(chunk, &mut []);
        chunk.iter_mut().for_each(Checking::judge);
        for (keystream, _) in keystreams.iter_mut().zip(again).filter(|(_, again)| *again) {
            *keystream = 0..0;
        }
    }
    let mut done = Done::default();
    while let Some(pair) = chunk
        .iter()
        .map(Checking::pair)
        .find(|pair| !done.has(*pair))
    {
        done.add(pair);
        let mut lanes: ArrayVec<CipherLane<'_>, LANES> = ArrayVec::new();
        for (message, keystream) in chunk.iter_mut().zip(&keystreams) {
            if message.pair() == pair {
                let keystream = room.get(keystream.clone()).unwrap_or_default();
                lanes.extend(message.decipher(keystream));
            }
        }
        if !lanes.is_empty() {
            algorithm::cipher(pair.0, &mut lanes);
        }
    }
}

/// Computes the MACs of the messages that wait for one, and the keystreams of those that have room for it and whose
/// algorithms make both in one pass: the place of each message's.
fn try_macs(chunk: &mut [Checking<'_>], room: &mut [u8]) -> ArrayVec<Range<usize>, LANES> {
    let mut places: ArrayVec<Range<usize>, LANES> = chunk.iter().map(|_| 0..0).collect();
    let mut used = 0;
    let mut done = Done::default();
    while let Some(pair) = chunk
        .iter()
        .map(Checking::pair)
        .find(|pair| !done.has(*pair))
    {
        done.add(pair);
        let ahead = algorithm::opens(pair.0, pair.1);
        let mut lanes: ArrayVec<OpenLane<'_>, LANES> = ArrayVec::new();
        let mut free = room.get_mut(used..).unwrap_or_default();
        for (message, place) in chunk.iter().zip(&mut places) {
            let (Some(count), true) = (message.pending(), message.pair() == pair) else {
                continue;
            };
            let len = message.ciphered();
            let len = if ahead && len <= free.len() { len } else { 0 };
            let (keystream, rest) = free.split_at_mut(len);
            free = rest;
            *place = used..used + len;
            used += len;
            lanes.push(message.open_lane(count, keystream));
        }
        if lanes.is_empty() {
            continue;
        }
        algorithm::open(pair.0, pair.1, &mut lanes);
        let macs: ArrayVec<[u8; 4], LANES> = lanes.iter().map(|lane| lane.mac).collect();
        drop(lanes);
        let waiting = chunk
            .iter_mut()
            .filter(|m| m.pair() == pair && m.pending().is_some());
        for (message, mac) in waiting.zip(macs) {
            message.mac = mac;
        }
    }
    places
}
