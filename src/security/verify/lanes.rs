//! The lanes: many messages through the algorithms side by side, or one alone.

use arrayvec::ArrayVec;
use core::ops::Range;

use crate::algorithm::{self, CipherLane, Nea, OpenLane, RevealLane};
use crate::base::Error;
use crate::base::secret::wipe;
use crate::nas::header;
use crate::security::count::Behind;
use crate::security::protect::{Done, LANES};
use crate::security::ue::Settings;

use super::{Checked, Checking, Trial};

impl Checking<'_> {
    /// Moves the body of a message that passed to the output, and deciphers it with a keystream that is there
    /// already; else the lane that remains to be deciphered.
    fn decipher(&mut self, keystream: &[u8]) -> Option<CipherLane<'_>> {
        let Trial::Passed(count) = self.trial else {
            return None;
        };
        if self.failure.is_some() || self.revealed {
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

    /// What verifies and deciphers it in one pass, where there is one. Nothing is deciphered that would be refused all the
    /// same: a replay, or a body that is in the open.
    #[inline(always)]
    fn reveal_lane(&mut self) -> Option<RevealLane<'_>> {
        let count = self.pending()?;
        let replay = matches!(self.estimated.behind, Some(Behind::Used(used)) if used == count);
        if replay || !self.is_whole_ciphered() || self.is_in_the_open() {
            return None;
        }
        let (enc, int, input) = (self.enc, self.int, self.input(count));
        let mac = *self.octets.pdu().get(header::MAC)?.first_chunk()?;
        self.tail = self.octets.tail();
        let text = self.octets.opening()?;
        Some(RevealLane {
            enc,
            int,
            input,
            text,
            mac,
            authentic: false,
        })
    }

    /// What that came to.
    #[inline(always)]
    fn reveal(&mut self, authentic: bool) {
        if let Some(count) = self.pending() {
            self.compared(count, authentic);
            self.revealed = authentic;
            if authentic {
                self.octets.opened(&self.tail);
            }
        }
    }

    #[inline(always)]
    fn check_alone(&mut self) {
        if algorithm::reveals(self.nea, self.nia) {
            let (nea, nia) = (self.nea, self.nia);
            if let Some(lane) = self.reveal_lane() {
                let mut lane = [lane];
                algorithm::reveal(nea, nia, &mut lane);
                let [RevealLane { authentic, .. }] = lane;
                self.reveal(authentic);
                if authentic {
                    return;
                }
            }
        }
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

/// Messages that go through in one pass.
fn reveal(chunk: &mut [Checking<'_>]) {
    let mut done = Done::default();
    while let Some(pair) = chunk
        .iter()
        .map(Checking::pair)
        .find(|pair| !done.has(*pair) && algorithm::reveals(pair.0, pair.1))
    {
        done.add(pair);
        let mut lanes: ArrayVec<RevealLane<'_>, LANES> = ArrayVec::new();
        let mut places: ArrayVec<usize, LANES> = ArrayVec::new();
        for (place, message) in chunk.iter_mut().enumerate() {
            if message.pair() == pair
                && let Some(lane) = message.reveal_lane()
            {
                lanes.push(lane);
                places.push(place);
            }
        }
        algorithm::reveal(pair.0, pair.1, &mut lanes);
        let authentic: ArrayVec<bool, LANES> = lanes.iter().map(|lane| lane.authentic).collect();
        drop(lanes);
        for (place, authentic) in places.into_iter().zip(authentic) {
            chunk[place].reveal(authentic);
        }
    }
}

fn run(chunk: &mut [Checking<'_>], room: &mut [u8]) {
    reveal(chunk);
    if chunk.iter().all(|message| message.revealed) {
        return;
    }
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
