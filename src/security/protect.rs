//! Protecting: number (COUNT taken) -> cipher -> MAC (TS 24.501 4.4.3, 4.4.4, 4.4.5; TS 33.501 6.4.3, 6.4.4).
//!
//! The stages are types: only [`number`] makes a [`Numbered`], only a `Numbered` makes a [`Sealing`], and
//! [`seal`] consumes it. A COUNT that was taken and not sealed is lost, never used again.

use std::ops::Range;

use arrayvec::ArrayVec;

use crate::algorithm::{self, CipherKey, Input, Key, Nea, Nia, ProtectLane};
use crate::base::{AccessType, Direction, Error, Result};
use crate::nas::{self, MessageType, SecurityHeaderType, header};

use super::binding::{Changed, Resources};
use super::context::Role;
use super::count::{NasCount, NearWrap};
use super::ue::{KeyChange, Place, Settings, Stamp, UeSecurity};

/// Messages of one batch that go through the lanes together.
pub const LANES: usize = 64;

/// Octets that protection adds in front of the plain message.
pub const OVERHEAD: usize = header::PROTECTED_OVERHEAD;

/// How a message is to be protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// As the state of the access demands: ciphered. The AMF's answer to a verified initial message establishes
    /// secure exchange (TS 24.501 4.4.2.5).
    Auto,
    /// An initial message of a UE that has a context: integrity only, with the value of its NAS message container
    /// ciphered under the same COUNT when there is one (TS 24.501 4.4.6). The range lies in the plain message.
    Initial(Option<Range<usize>>),
    /// Integrity only, for the other messages that TS 24.501 allows so: the UE's SECURITY MODE REJECT.
    Integrity,
    /// SECURITY MODE COMMAND: integrity with the context in this place, never ciphered.
    Command(Place),
    /// SECURITY MODE COMPLETE: ciphered and integrity protected with the context in this place.
    Complete(Place),
}

/// A message whose COUNT was taken.
#[must_use = "the COUNT is lost"]
#[derive(Debug)]
pub struct Numbered {
    count: NasCount,
    sht: SecurityHeaderType,
    place: Place,
    access: AccessType,
    container: Option<Range<usize>>,
    near_wrap: NearWrap,
    stamp: Stamp,
    len: usize,
}

impl Numbered {
    /// The COUNT that was taken.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count.value()
    }

    /// Whether the COUNTs of this context run out.
    #[must_use]
    pub fn near_wrap(&self) -> NearWrap {
        self.near_wrap
    }

    /// The security header type of the message.
    #[must_use]
    pub fn sht(&self) -> SecurityHeaderType {
        self.sht
    }
}

/// Checks everything that can fail and takes the COUNT.
///
/// # Errors
/// The session is unchanged after any of them: what [`nas::inner_type`] says of `plain`;
/// [`Error::HeaderMismatch`] when `form` and message do not go together; [`Error::NoContext`];
/// [`Error::NotSecured`]; [`Error::Conflict`] after an inter-AMF handover began; [`Error::CountExhausted`].
pub fn number(
    ue: &mut UeSecurity,
    access: AccessType,
    message: (&[u8], &Form),
    settings: &Settings,
) -> Result<Numbered> {
    number_in(ue, access, message, (settings, None))
}

/// As [`number`], for a UE whose COUNTs are written down ([`Resources::book`]).
///
/// # Errors
/// As [`number`]; [`Error::LeaseExhausted`]; [`Error::RekeyRequired`] when the session's line was changed by somebody
/// else; [`Error::Unexpected`] without a book where there must be one.
// In the pass: handed back through memory its result is read in wider pieces than it was written in, and waits for the
// store buffer (4 ns a message).
#[inline(always)]
pub fn number_in(
    ue: &mut UeSecurity,
    access: AccessType,
    (plain, form): (&[u8], &Form),
    (settings, book): (&Settings, Option<&Resources<'_>>),
) -> Result<Numbered> {
    let message_type = nas::inner_type(plain)?;
    let (place, sht, container) = treatment(ue, access, message_type, form)?;
    if let Some(range) = &container
        && (range.start > range.end || range.end > plain.len())
    {
        return Err(Error::OutOfRange);
    }
    let context = ue.context(place).ok_or(Error::NoContext)?;
    context.ask_to_protect();
    let null = context.keys()?.algorithms.nia == Nia::Nia0;
    let count = ue.take_count((place, access), null, book)?;
    if ue.role() == Role::Amf && *form == Form::Auto && !ue.access[access.index()].secured {
        ue.access[access.index()].secured = true;
        ue.changed.add(Changed::STATE);
    }
    let near_wrap = settings.thresholds.level_of(null, count.value());
    Ok(Numbered {
        count,
        sht,
        place,
        access,
        container,
        near_wrap,
        stamp: ue.stamp,
        len: plain.len(),
    })
}

type Treatment = (Place, SecurityHeaderType, Option<Range<usize>>);

#[inline(always)]
fn treatment(
    ue: &UeSecurity,
    access: AccessType,
    message: MessageType,
    form: &Form,
) -> Result<Treatment> {
    // Either role: what another place goes on with sends nothing here.
    if matches!(
        ue.key_change(),
        Some(KeyChange::InterAmfHandover | KeyChange::Exported)
    ) {
        return Err(Error::Conflict);
    }
    let in_use = ue.in_use(access);
    let state = &ue.access[access.index()];
    let is_smc = matches!(
        message,
        MessageType::SECURITY_MODE_COMMAND | MessageType::SECURITY_MODE_COMPLETE
    );
    match form {
        Form::Command(place)
            if message == MessageType::SECURITY_MODE_COMMAND && ue.role() == Role::Amf =>
        {
            Ok((*place, SecurityHeaderType::IntegrityNew, None))
        }
        Form::Complete(place)
            if message == MessageType::SECURITY_MODE_COMPLETE && ue.role() == Role::Ue =>
        {
            Ok((*place, SecurityHeaderType::CipheredNew, None))
        }
        Form::Auto if !is_smc => {
            let answers = ue.role() == Role::Amf && state.initial_accepted;
            if !state.secured && !answers {
                return Err(if ue.context(in_use).is_none() {
                    Error::NoContext
                } else {
                    Error::NotSecured
                });
            }
            Ok((in_use, SecurityHeaderType::Ciphered, None))
        }
        Form::Initial(container) if message.is_initial() && ue.role() == Role::Ue => {
            Ok((in_use, SecurityHeaderType::Integrity, container.clone()))
        }
        Form::Integrity
            if message == MessageType::SECURITY_MODE_REJECT && ue.role() == Role::Ue =>
        {
            Ok((in_use, SecurityHeaderType::Integrity, None))
        }
        _ => Err(Error::HeaderMismatch),
    }
}

/// A numbered message with its keys and its buffer: octets 7.. hold the plain message unless it stands elsewhere
/// ([`Sealing::reading`]), the header is free.
pub struct Sealing<'a> {
    numbered: Numbered,
    nea: Nea,
    nia: Nia,
    enc: &'a CipherKey,
    int: &'a Key,
    direction: Direction,
    pdu: &'a mut [u8],
    plain: Option<&'a [u8]>,
    mac: [u8; 4],
}

impl<'a> Sealing<'a> {
    /// Joins a numbered message with the keys of its context. `pdu` is the whole PDU to be: [`OVERHEAD`] free
    /// octets, then the plain message that [`number`] saw.
    ///
    /// # Errors
    /// Never after a [`number`] of this UE with the same message: [`Error::BufferTooSmall`], [`Error::OutOfRange`]
    /// for another length, [`Error::Unexpected`] for another UE or when a context came or went since,
    /// [`Error::NoContext`].
    #[inline(always)]
    pub fn new(numbered: Numbered, ue: &'a UeSecurity, pdu: &'a mut [u8]) -> Result<Self> {
        let len = pdu
            .len()
            .checked_sub(OVERHEAD)
            .ok_or(Error::BufferTooSmall)?;
        if len != numbered.len {
            return Err(Error::OutOfRange);
        }
        if numbered.stamp != ue.stamp {
            return Err(Error::Unexpected);
        }
        let keys = ue.context(numbered.place).ok_or(Error::NoContext)?.keys()?;
        Ok(Self {
            nea: keys.algorithms.nea,
            nia: keys.algorithms.nia,
            enc: keys.enc,
            int: keys.int,
            direction: ue.role().sends(),
            numbered,
            pdu,
            plain: None,
            mac: [0; 4],
        })
    }

    /// The plain message that [`number`] saw stands here: the PDU needs only room for it.
    ///
    /// # Errors
    /// [`Error::OutOfRange`]: it has another length.
    #[inline(always)]
    pub fn reading(mut self, plain: &'a [u8]) -> Result<Self> {
        if plain.len() != self.numbered.len {
            return Err(Error::OutOfRange);
        }
        self.plain = Some(plain);
        Ok(self)
    }

    fn input(&self) -> Input {
        Input {
            count: self.numbered.count.value(),
            bearer: self.numbered.access.bearer(),
            direction: self.direction,
        }
    }

    /// What the MAC covers, and the part of it that is ciphered.
    #[inline(always)]
    fn lane(&mut self) -> ProtectLane<'_> {
        let input = self.input();
        let text = &mut self.pdu[header::SN..];
        let whole = matches!(
            self.numbered.sht,
            SecurityHeaderType::Ciphered | SecurityHeaderType::CipheredNew
        );
        let ciphered = match &self.numbered.container {
            _ if whole => BODY..text.len(),
            Some(part) => BODY + part.start..BODY + part.end,
            None => 0..0,
        };
        ProtectLane {
            enc: self.enc,
            int: self.int,
            input,
            text,
            plain: self.plain,
            ciphered,
            mac: [0; 4],
        }
    }

    /// The algorithms of its context.
    #[must_use]
    pub const fn pair(&self) -> (Nea, Nia) {
        (self.nea, self.nia)
    }

    /// As [`seal`], for this message alone: nothing of it is moved into lanes and back (8 ns of 125 with AES).
    #[inline(always)]
    pub fn seal_alone(&mut self) {
        let (nea, nia) = self.pair();
        let (sht, sn) = (self.numbered.sht, self.numbered.count.sequence_number());
        self.pdu[header::SN] = sn;
        let mut lane = [self.lane()];
        algorithm::protect(nea, nia, &mut lane);
        let [ProtectLane { mac, .. }] = lane;
        // Cannot fail: `Sealing::new` saw to the room.
        let _ = nas::write_header(self.pdu, sht, mac, sn);
    }
}

/// Where the message begins in what the MAC covers.
const BODY: usize = OVERHEAD - header::SN;

/// Ciphers and authenticates any number of messages in lanes; every PDU is complete afterwards. Cannot fail: all
/// checks were made before the COUNTs were taken.
pub fn seal(batch: &mut [Sealing<'_>]) {
    for chunk in batch.chunks_mut(LANES) {
        match chunk {
            [one] => one.seal_alone(),
            chunk => run(chunk),
        }
    }
}

fn run(chunk: &mut [Sealing<'_>]) {
    for message in chunk.iter_mut() {
        message.pdu[header::SN] = message.numbered.count.sequence_number();
    }
    let mut done = Done::default();
    while let Some(pair) = chunk
        .iter()
        .map(Sealing::pair)
        .find(|pair| !done.has(*pair))
    {
        done.add(pair);
        seal_pair(chunk, pair);
    }
    for message in chunk.iter_mut() {
        let sn = message.numbered.count.sequence_number();
        // Cannot fail: `Sealing::new` saw to the room.
        let _ = nas::write_header(message.pdu, message.numbered.sht, message.mac, sn);
    }
}

fn seal_pair(chunk: &mut [Sealing<'_>], pair: (Nea, Nia)) {
    let mut lanes: ArrayVec<ProtectLane<'_>, LANES> = ArrayVec::new();
    let mine = chunk.iter_mut().filter(|message| message.pair() == pair);
    lanes.extend(mine.map(Sealing::lane));
    algorithm::protect(pair.0, pair.1, &mut lanes);
    let macs: ArrayVec<[u8; 4], LANES> = lanes.iter().map(|lane| lane.mac).collect();
    drop(lanes);
    let mine = chunk.iter_mut().filter(|message| message.pair() == pair);
    for (message, mac) in mine.zip(macs) {
        message.mac = mac;
    }
}

/// Which pairs of algorithms of a batch were computed.
#[derive(Default)]
pub(super) struct Done(u16);

impl Done {
    const fn bit((nea, nia): (Nea, Nia)) -> u16 {
        1 << (4 * nea.id() + nia.id())
    }

    pub(super) const fn has(&self, pair: (Nea, Nia)) -> bool {
        self.0 & Self::bit(pair) != 0
    }

    pub(super) const fn add(&mut self, pair: (Nea, Nia)) {
        self.0 |= Self::bit(pair);
    }
}
