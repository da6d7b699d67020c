//! Hostile messages: what an attacker on the air can make of a genuine one.
//!
//! The MAC does not cover the header's spare bits, which a receiver ignores, nor the security header type. A flip
//! in the spare bits is therefore the genuine message and is tried as a replay only; under NEA0 the header types 1
//! and 2 carry the same content, and are not tried for each other.

use super::random::Random;

/// Octets of a message that are authenticated or checked otherwise.
const BODY: usize = 7;
const EPD: u8 = 0x7E;

macro_rules! kinds {
    ($($kind:ident $name:literal)*) => {
        /// What was done to the message.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Kind { $($kind,)* }

        impl Kind {
            pub(super) const ALL: &[Self] = &[$(Self::$kind,)*];

            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }
        }
    };
}

kinds! {
    ReplayNewest "replay: newest message"
    ReplayOld "replay: old message"
    ReplaySpare "replay: newest message, spare bits set"
    ReplayProcedure "replay: security mode message after the procedure"
    Overtaken "reordering: message behind a later one"
    Reflected "reflection: message of the other direction"
    FlipDiscriminator "bit flip: protocol discriminator"
    FlipHeaderType "bit flip: security header type"
    FlipMac "bit flip: MAC"
    FlipSequence "bit flip: sequence number"
    FlipBody "bit flip: content"
    Truncated "truncation"
    Extended "octets appended"
    HeaderPlain "header type 0 forged"
    HeaderOther "header type 1 or 2 forged"
    HeaderNew "header type 3 or 4 forged"
    HeaderReserved "header type 5 to 15 forged"
    Stripped "plain: protection stripped"
    PlainAny "plain: every message type"
    WrongAccess "other access"
    WrongSession "other UE's session"
    RandomOctets "random octets"
    RandomBody "random octets behind a header"
}

/// Tried before the genuine message arrives.
pub(super) const BEFORE: &[Kind] = &[
    Kind::FlipDiscriminator,
    Kind::FlipHeaderType,
    Kind::FlipMac,
    Kind::FlipSequence,
    Kind::FlipBody,
    Kind::Truncated,
    Kind::Extended,
    Kind::HeaderPlain,
    Kind::HeaderOther,
    Kind::HeaderNew,
    Kind::HeaderReserved,
    Kind::Stripped,
    Kind::PlainAny,
    Kind::WrongAccess,
    Kind::WrongSession,
    Kind::RandomOctets,
    Kind::RandomBody,
];

/// Tried after it arrived.
pub(super) const AFTER: &[Kind] = &[
    Kind::ReplayNewest,
    Kind::ReplaySpare,
    Kind::ReplayOld,
    Kind::ReplayProcedure,
    Kind::Overtaken,
    Kind::Reflected,
];

/// What the attacker heard of one UE, in one direction.
#[derive(Default)]
pub(super) struct Heard {
    /// An earlier message.
    pub(super) old: Vec<u8>,
    /// SECURITY MODE COMMAND or COMPLETE.
    pub(super) procedure: Vec<u8>,
    /// A message that was held back.
    pub(super) held_back: Vec<u8>,
}

/// What a hostile message is made of.
pub(super) struct Source<'a> {
    pub(super) pdu: &'a [u8],
    pub(super) plain: &'a [u8],
    pub(super) same: &'a Heard,
    pub(super) other: &'a Heard,
    /// Ciphering is NEA0.
    pub(super) clear: bool,
}

/// Makes a hostile message in `out`; false: this kind cannot be made of this source.
pub(super) fn forge(
    kind: Kind,
    source: &Source<'_>,
    random: &mut Random,
    out: &mut Vec<u8>,
) -> bool {
    out.clear();
    let pdu = source.pdu;
    let taken = match kind {
        Kind::ReplayOld => &source.same.old,
        Kind::ReplayProcedure => &source.same.procedure,
        Kind::Overtaken => &source.same.held_back,
        Kind::Reflected => &source.other.old,
        Kind::Stripped => source.plain,
        _ => pdu,
    };
    out.extend_from_slice(taken);
    if out.len() < 2 {
        return false;
    }
    match kind {
        Kind::ReplaySpare => out[1] |= 0x10 << random.below(4),
        Kind::FlipDiscriminator => flip(&mut out[..1], random),
        Kind::FlipHeaderType => out[1] ^= 1 << random.below(4),
        Kind::FlipMac => flip(&mut out[2..6], random),
        Kind::FlipSequence => flip(&mut out[6..BODY], random),
        Kind::FlipBody => flip(&mut out[BODY..], random),
        Kind::Truncated => out.truncate(random.below(pdu.len())),
        Kind::Extended => (0..=random.below(16)).for_each(|_| out.push(random.octet())),
        Kind::HeaderPlain => out[1] = 0,
        Kind::HeaderOther => out[1] = 1 + random.below(2) as u8,
        Kind::HeaderNew => out[1] = 3 + random.below(2) as u8,
        Kind::HeaderReserved => out[1] = 5 + random.below(11) as u8,
        Kind::PlainAny => plain(random, out),
        Kind::RandomOctets => {
            out.resize(random.below(200), 0);
            random.fill(out);
        }
        Kind::RandomBody => {
            out.resize(BODY + random.below(200), 0);
            random.fill(out);
            out[0] = EPD;
            out[1] = random.below(5) as u8;
        }
        _ => {}
    }
    kind_applies(kind, source, out)
}

/// False when what was made is the genuine message.
fn kind_applies(kind: Kind, source: &Source<'_>, out: &[u8]) -> bool {
    let sht = |octets: &[u8]| octets.get(1).map_or(0, |octet| octet & 0xF);
    match kind {
        Kind::FlipHeaderType | Kind::HeaderOther | Kind::HeaderNew => {
            let same_content = source.clear && (1..=2).contains(&sht(out));
            sht(out) != sht(source.pdu) && !same_content
        }
        _ => true,
    }
}

/// A plain message of any type, with a body that may be one.
fn plain(random: &mut Random, out: &mut Vec<u8>) {
    out.resize(3 + random.below(40), 0);
    random.fill(out);
    out[0] = EPD;
    out[1] = 0;
}

fn flip(octets: &mut [u8], random: &mut Random) {
    let bit = random.below(octets.len() * 8);
    if let Some(octet) = octets.get_mut(bit / 8) {
        *octet ^= 1 << (bit % 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_differs_from_the_genuine_message_unless_it_is_a_replay() {
        let pdu: Vec<u8> = (0..40)
            .map(|i| {
                if i == 0 {
                    EPD
                } else if i == 1 {
                    2
                } else {
                    i
                }
            })
            .collect();
        let heard = Heard {
            old: vec![1; 20],
            procedure: vec![2; 20],
            held_back: vec![3; 20],
        };
        let source = Source {
            pdu: &pdu,
            plain: &pdu[7..],
            same: &heard,
            other: &heard,
            clear: false,
        };
        let mut random = Random::of(&[1]);
        let mut out = Vec::new();
        for kind in BEFORE.iter().chain(AFTER) {
            for _ in 0..200 {
                let replay = matches!(kind, Kind::ReplayNewest);
                let elsewhere = matches!(kind, Kind::WrongAccess | Kind::WrongSession);
                if forge(*kind, &source, &mut random, &mut out) {
                    assert_eq!(out == pdu, replay || elsewhere, "{kind:?}");
                }
            }
        }
        assert_eq!(BEFORE.len() + AFTER.len(), Kind::ALL.len());
    }

    #[test]
    fn nothing_is_made_of_nothing() {
        let heard = Heard::default();
        let source = Source {
            pdu: &[],
            plain: &[],
            same: &heard,
            other: &heard,
            clear: false,
        };
        let mut out = Vec::new();
        for kind in Kind::ALL {
            assert!(
                !forge(*kind, &source, &mut Random::of(&[2]), &mut out),
                "{kind:?}"
            );
        }
    }
}
