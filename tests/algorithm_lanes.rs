//! The algorithm tables with many lanes, long messages and every backend name.

mod kernel_common;

use kernel_common::{SplitMix, aes_rows, product_rows, stream_rows};
use naslane::algorithm::{
    CipherLane, Input, Key, MacLane, Nea, Nia, cipher, cipher_on, mac, mac_on,
};
use naslane::base::Direction;
use naslane::kernel::{self, Lane, clmul, zuc};
use proptest::prelude::*;

fn names() -> Vec<&'static str> {
    let mut names = [aes_rows(), stream_rows(), product_rows()].concat();
    names.sort_unstable();
    names.dedup();
    names
}

fn input(random: &mut SplitMix) -> Input {
    let value = random.next();
    Input {
        count: value as u32,
        bearer: (value >> 32) as u8 & 31,
        direction: [Direction::Uplink, Direction::Downlink][(value >> 40) as usize & 1],
    }
}

fn mac_of(nia: Nia, raw: &[u8; 16], input: Input, message: &[u8]) -> [u8; 4] {
    let key = Key::for_nia(nia, raw);
    let mut lanes = [MacLane::new(&key, input, message)];
    mac(nia, &mut lanes);
    lanes[0].mac
}

#[test]
fn r38_many_lanes_equal_single_lanes() {
    let mut random = SplitMix(1);
    for count in (0..=40).chain([63, 64, 65, 97]) {
        for id in 0..=3 {
            let (nea, nia) = (Nea::from_id(id).unwrap(), Nia::from_id(id).unwrap());
            let raws: Vec<_> = (0..count).map(|_| random.block()).collect();
            let inputs: Vec<_> = (0..count).map(|_| input(&mut random)).collect();
            let messages: Vec<_> = (0..count)
                .map(|i| {
                    // Every ninth message is too long for a lane of NIA3's short path.
                    let len = if i % 9 == 8 {
                        1100 + i
                    } else {
                        random.next() as usize % 160
                    };
                    random.bytes(len)
                })
                .collect();
            let ciphering: Vec<_> = raws.iter().map(|raw| Key::for_nea(nea, raw)).collect();
            let mut texts = messages.clone();
            let mut lanes: Vec<_> = texts
                .iter_mut()
                .zip(&ciphering)
                .zip(&inputs)
                .map(|((data, key), &input)| CipherLane {
                    key: key.cipher(),
                    input,
                    data,
                })
                .collect();
            cipher(nea, &mut lanes);
            let integrity: Vec<_> = raws.iter().map(|raw| Key::for_nia(nia, raw)).collect();
            let mut lanes: Vec<_> = messages
                .iter()
                .zip(&integrity)
                .zip(&inputs)
                .map(|((message, key), &input)| MacLane::new(key, input, message))
                .collect();
            mac(nia, &mut lanes);
            for i in 0..count {
                let mut data = messages[i].clone();
                let (key, input) = (&ciphering[i], inputs[i]);
                let data_ref = &mut data[..];
                cipher(
                    nea,
                    &mut [CipherLane {
                        key: key.cipher(),
                        input,
                        data: data_ref,
                    }],
                );
                assert_eq!(texts[i], data, "{} lane {i} of {count}", nea.name());
                let single = mac_of(nia, &raws[i], input, &messages[i]);
                assert_eq!(lanes[i].mac, single, "{} lane {i} of {count}", nia.name());
            }
        }
    }
}

/// What is ciphered of a message of zeros is keystream: at every length it is the beginning of the same one, so the
/// last octets are ciphered too.
#[test]
fn r34_the_last_word_is_ciphered_at_every_length() {
    let mut random = SplitMix(34);
    for id in 1..=3 {
        let nea = Nea::from_id(id).unwrap();
        let (key, input) = (Key::for_nea(nea, &random.block()), input(&mut random));
        let stream = |len: usize| {
            let mut data = vec![0; len];
            let lane = CipherLane {
                key: key.cipher(),
                input,
                data: &mut data,
            };
            cipher(nea, &mut [lane]);
            data
        };
        let whole = stream(300);
        assert!(whole.chunks_exact(4).all(|word| word != [0; 4]));
        for len in 0..300 {
            assert_eq!(stream(len), whole[..len], "{} {len}", nea.name());
        }
    }
}

#[test]
fn r36_r41_messages_of_64_kib_and_more() {
    let mut random = SplitMix(2);
    for len in [65_534, 65_535, 65_536, 70_001] {
        let (raw, input, message) = (random.block(), input(&mut random), random.bytes(len));
        for id in 1..=3 {
            let (nea, nia) = (Nea::from_id(id).unwrap(), Nia::from_id(id).unwrap());
            let (enc, int) = (Key::for_nea(nea, &raw), Key::for_nia(nia, &raw));
            let mut expected = message.clone();
            cipher(
                nea,
                &mut [CipherLane {
                    key: enc.cipher(),
                    input,
                    data: &mut expected,
                }],
            );
            assert!(
                expected
                    .chunks(64)
                    .zip(message.chunks(64))
                    .all(|(a, b)| a != b || a.len() < 4)
            );
            let tag = mac_of(nia, &raw, input, &message);
            for name in names() {
                let mut data = message.clone();
                if cipher_on(
                    nea,
                    name,
                    &mut [CipherLane {
                        key: enc.cipher(),
                        input,
                        data: &mut data,
                    }],
                )
                .is_ok()
                {
                    assert!(data == expected, "{} {name} {len}", nea.name());
                }
                let mut lanes = [MacLane::new(&int, input, &message)];
                if mac_on(nia, name, &mut lanes).is_ok() {
                    assert_eq!(lanes[0].mac, tag, "{} {name} {len}", nia.name());
                }
            }
        }
    }
}

/// EIA3 with the whole keystream at once, from the reference rows.
fn nia3_in_one_piece(raw: &[u8; 16], input: Input, message: &[u8]) -> [u8; 4] {
    let mut iv = [0; 16];
    iv[..4].copy_from_slice(&input.count.to_be_bytes());
    iv[4] = input.bearer << 3;
    iv.copy_within(..8, 8);
    let direction = (input.direction as u8) << 7;
    iv[8] ^= direction;
    iv[14] ^= direction;
    let mut keystream = vec![0; 4 * (message.len().div_ceil(4) + 2)];
    (zuc::BACKENDS.last().unwrap().one)(&mut Lane {
        key: raw,
        iv,
        data: &mut keystream,
    });
    let mut window = clmul::WindowLane {
        keystream: &keystream,
        message,
        bits: 8 * message.len(),
        t: 0,
    };
    (clmul::window::BACKENDS.last().unwrap().one)(&mut window);
    let word = |at: usize| u32::from_be_bytes(keystream[at..at + 4].try_into().unwrap());
    (window.t ^ word(message.len()) ^ word(keystream.len() - 4)).to_be_bytes()
}

#[test]
fn nia3_pieces_join_without_a_seam() {
    let mut random = SplitMix(3);
    let near = |edge: usize| edge - 3..=edge + 3;
    for len in (0..20)
        .chain(near(280))
        .chain(near(1024))
        .chain(near(2048))
        .chain(near(4096))
    {
        let (raw, input, message) = (random.block(), input(&mut random), random.bytes(len));
        let expected = nia3_in_one_piece(&raw, input, &message);
        assert_eq!(mac_of(Nia::Nia3, &raw, input, &message), expected, "{len}");
    }
}

#[test]
fn null_algorithms_change_nothing_and_prove_nothing() {
    let key = Key::for_nea(Nea::Nea0, &[1; 16]);
    let input = input(&mut SplitMix(0));
    let mut data = *b"plain";
    cipher(
        Nea::Nea0,
        &mut [CipherLane {
            key: key.cipher(),
            input,
            data: &mut data,
        }],
    );
    assert_eq!(data, *b"plain");
    let mut lanes = [MacLane {
        mac: [7; 4],
        ..MacLane::new(&key, input, &data)
    }];
    mac(Nia::Nia0, &mut lanes);
    assert_eq!(lanes[0].mac, [0; 4]);
}

#[test]
fn a_bit_length_beyond_the_message_counts_as_the_message() {
    for id in 1..=3 {
        let nia = Nia::from_id(id).unwrap();
        let key = Key::for_nia(nia, &[3; 16]);
        let input = input(&mut SplitMix(9));
        for count in [1, 5] {
            let mut lanes: Vec<_> = (0..count)
                .map(|_| MacLane {
                    bits: usize::MAX,
                    ..MacLane::new(&key, input, b"message")
                })
                .collect();
            mac(nia, &mut lanes);
            let expected = mac_of(nia, &[3; 16], input, b"message");
            assert!(lanes.iter().all(|lane| lane.mac == expected));
        }
    }
}

#[test]
fn debug_of_a_key_shows_no_byte() {
    let text = format!("{:?}", Key::for_nia(Nia::Nia2, &[0xAB; 16]));
    assert_eq!(text, "Key(..)");
    assert!(kernel::start().is_ok());
}

proptest! {
    #[test]
    fn nea_is_its_own_inverse_and_only_that(
        id in 0_u8..4,
        raw: [u8; 16],
        count: u32,
        bearer in 0_u8..32,
        message in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let nea = Nea::from_id(id).unwrap();
        let key = Key::for_nea(nea, &raw);
        for name in names() {
            let input = Input { count, bearer, direction: Direction::Downlink };
            let mut data = message.clone();
            if cipher_on(nea, name, &mut [CipherLane { key: key.cipher(), input, data: &mut data }]).is_err() {
                continue;
            }
            if id != 0 && message.len() >= 16 {
                prop_assert_ne!(&data, &message);
            }
            cipher(nea, &mut [CipherLane { key: key.cipher(), input, data: &mut data }]);
            prop_assert_eq!(&data, &message);
        }
    }

    #[test]
    fn every_input_reaches_the_mac(raw: [u8; 16], count: u32, bearer in 0_u8..31, id in 1_u8..4) {
        let nia = Nia::from_id(id).unwrap();
        let first = Input { count, bearer, direction: Direction::Uplink };
        let tag = |input| mac_of(nia, &raw, input, b"some message");
        prop_assert_ne!(tag(first), tag(Input { direction: Direction::Downlink, ..first }));
        prop_assert_ne!(tag(first), tag(Input { bearer: bearer + 1, ..first }));
        prop_assert_ne!(tag(first), tag(Input { count: count ^ 1, ..first }));
    }
}
