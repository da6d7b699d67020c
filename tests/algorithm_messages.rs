//! Whole messages, many at a time: protecting is ciphering and then the MAC, verifying undoes it, and a message with a
//! wrong MAC stays as it is.

mod kernel_common;

use kernel_common::SplitMix;
use naslane::algorithm::{
    self, CipherLane, Input, Key, MacLane, Nea, Nia, ProtectLane, VerifyLane, prepare,
};
use naslane::base::Direction;
use std::ops::Range;

struct Message {
    enc: Key,
    int: Key,
    input: Input,
    text: Vec<u8>,
    ciphered: Range<usize>,
    mac: [u8; 4],
}

/// Keys are prepared one by one here, many at a time in `prepared_side_by_side`.
fn messages(random: &mut SplitMix, (nea, nia): (Nea, Nia), lens: &[usize]) -> Vec<Message> {
    lens.iter()
        .map(|&len| {
            let value = random.next();
            let part = match value >> 60 {
                0 => 0..0,
                1 => len / 3..len / 2,
                2 => len / 2..len + 5, // past the end
                _ => 1..len,
            };
            Message {
                enc: Key::for_nea(nea, &random.block()),
                int: Key::for_nia(nia, &random.block()),
                input: Input {
                    count: value as u32,
                    bearer: (value >> 32) as u8 & 31,
                    direction: [Direction::Uplink, Direction::Downlink][(value >> 40) as usize & 1],
                },
                text: random.bytes(len),
                ciphered: part,
                mac: [0; 4],
            }
        })
        .collect()
}

fn part(message: &Message) -> Range<usize> {
    let end = message.ciphered.end.min(message.text.len());
    message.ciphered.start.min(end)..end
}

/// One message, one step after the other.
fn step_by_step((nea, nia): (Nea, Nia), message: &Message) -> (Vec<u8>, [u8; 4]) {
    let (mut text, part) = (message.text.clone(), part(message));
    algorithm::cipher(
        nea,
        &mut [CipherLane {
            key: message.enc.cipher(),
            input: message.input,
            data: &mut text[part],
        }],
    );
    let mut mac = [MacLane::new(&message.int, message.input, &text)];
    algorithm::mac(nia, &mut mac);
    let mac = mac[0].mac;
    (text, mac)
}

/// Where a message stands before it is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    Here,
    /// All but the sequence number elsewhere.
    Apart,
    /// As `Apart`, but every third in its place, and another half of every fifth.
    Both,
}

fn protect(pair: (Nea, Nia), messages: &mut [Message], stands: Stands) {
    let sources: Vec<_> = messages
        .iter()
        .map(|message| message.text.clone())
        .collect();
    let mut lanes: Vec<_> = messages
        .iter_mut()
        .zip(&sources)
        .enumerate()
        .map(|(i, (message, source))| ProtectLane {
            enc: message.enc.cipher(),
            int: &message.int,
            input: message.input,
            plain: {
                let begin = match stands {
                    Stands::Here => None,
                    Stands::Both if i % 3 == 0 => None,
                    Stands::Both if i % 5 == 0 => Some(source.len() / 2),
                    _ => Some(1.min(source.len())),
                };
                // What was there before must not matter.
                let rest = begin.map(|begin| &mut message.text[begin..]);
                rest.into_iter().flatten().for_each(|octet| *octet ^= 0xA5);
                begin.map(|begin| &source[begin..])
            },
            text: &mut message.text,
            ciphered: message.ciphered.clone(),
            mac: [0; 4],
        })
        .collect();
    algorithm::protect(pair.0, pair.1, &mut lanes);
    let macs: Vec<_> = lanes.iter().map(|lane| lane.mac).collect();
    for (message, mac) in messages.iter_mut().zip(macs) {
        message.mac = mac;
    }
}

fn verify(pair: (Nea, Nia), messages: &mut [Message]) -> Vec<bool> {
    let mut lanes: Vec<_> = messages
        .iter_mut()
        .map(|message| VerifyLane {
            enc: message.enc.cipher(),
            int: &message.int,
            input: message.input,
            text: &mut message.text,
            ciphered: message.ciphered.clone(),
            mac: message.mac,
            authentic: false,
        })
        .collect();
    algorithm::verify(pair.0, pair.1, &mut lanes);
    lanes.iter().map(|lane| lane.authentic).collect()
}

fn there_and_back(random: &mut SplitMix, pair: (Nea, Nia), lens: &[usize]) {
    let name = format!("{} {} {lens:?}", pair.0.name(), pair.1.name());
    let mut all = messages(random, pair, lens);
    let plain: Vec<_> = all.iter().map(|message| message.text.clone()).collect();
    let expected: Vec<_> = all
        .iter()
        .map(|message| step_by_step(pair, message))
        .collect();
    for stands in [Stands::Both, Stands::Apart, Stands::Here] {
        for (message, text) in all.iter_mut().zip(&plain) {
            message.text.clone_from(text);
        }
        protect(pair, &mut all, stands);
        for (message, (text, mac)) in all.iter().zip(&expected) {
            let same = message.text == *text && message.mac == *mac;
            assert!(same, "{name} {stands:?}");
        }
    }
    // Every third message arrives with a bent MAC, every seventh with a bent text.
    let null = pair.1 == Nia::Nia0;
    let mut bent = Vec::new();
    for (i, message) in all.iter_mut().enumerate() {
        let in_text = i % 7 == 6 && !message.text.is_empty();
        if i % 3 == 2 {
            message.mac[i % 4] ^= 1 << (i % 8);
        } else if in_text {
            let at = i % message.text.len();
            message.text[at] ^= 0x80;
        }
        bent.push(i % 3 == 2 || in_text && !null);
    }
    let arrived: Vec<_> = all.iter().map(|message| message.text.clone()).collect();
    let authentic = verify(pair, &mut all);
    for (i, message) in all.iter().enumerate() {
        assert_eq!(authentic[i], !bent[i], "{name}, message {i}");
        if bent[i] {
            assert_eq!(message.text, arrived[i], "{name}, message {i}");
        } else if !null || i % 7 != 6 {
            assert_eq!(message.text, plain[i], "{name}, message {i}");
        }
    }
}

fn pairs() -> impl Iterator<Item = (Nea, Nia)> {
    Nea::ALL
        .into_iter()
        .flat_map(|nea| Nia::ALL.map(|nia| (nea, nia)))
}

#[test]
fn every_pair_at_every_length() {
    let mut random = SplitMix(3);
    for pair in pairs() {
        for len in (0..=200).chain([500, 503, 504, 505, 511, 512, 513, 1023, 1400]) {
            there_and_back(&mut random, pair, &[len]);
        }
        for len in [8_184, 8_185, 8_192, 8_200, 20_000] {
            there_and_back(&mut random, pair, &[len]);
            there_and_back(&mut random, pair, &[64, len, len, 3]);
        }
    }
}

#[test]
fn r38_every_message_gets_its_own_answer() {
    let mut random = SplitMix(38);
    for pair in pairs() {
        for count in (1..=70).chain([127, 128, 129, 256]) {
            for limit in [1, 65, 300, 1500] {
                if limit == 1500 && count % 9 != 0 {
                    continue;
                }
                let lens: Vec<_> = (0..count)
                    .map(|_| match limit {
                        1 => 65,
                        limit => random.next() as usize % limit,
                    })
                    .collect();
                there_and_back(&mut random, pair, &lens);
            }
        }
    }
}

#[test]
fn keys_prepared_side_by_side_are_those_prepared_alone() {
    let mut random = SplitMix(9);
    for count in [0, 1, 2, 15, 16, 17, 64, 65, 130] {
        let raws: Vec<_> = (0..count).map(|_| random.block()).collect();
        for (nea, nia) in pairs() {
            // Keys that were others before.
            let used = Key::for_nea(Nea::Nea2, &[7; 16]);
            let mut keys: Vec<_> = raws
                .iter()
                .map(|raw| {
                    let mut pair = [Key::unprepared(raw), used.clone()];
                    pair[1].set_unprepared(raw);
                    pair
                })
                .collect();
            prepare(nea, nia, &mut keys);
            for (i, raw) in raws.iter().enumerate() {
                let message = |enc: &Key, int: &Key| {
                    let mut text = *b"sequence number and message";
                    let input = Input {
                        count: i as u32,
                        bearer: 1,
                        direction: Direction::Uplink,
                    };
                    let mut lanes = [ProtectLane {
                        enc: enc.cipher(),
                        int,
                        input,
                        text: &mut text,
                        plain: None,
                        ciphered: 1..27,
                        mac: [0; 4],
                    }];
                    algorithm::protect(nea, nia, &mut lanes);
                    (lanes[0].mac, text)
                };
                let alone = message(&Key::for_nea(nea, raw), &Key::for_nia(nia, raw));
                let [enc, int] = &keys[i];
                assert_eq!(message(enc, int), alone);
            }
        }
    }
}
