//! Every way of every library gives the same PDUs and the same keys. (Verify is checked by the benchmark itself.)

use naslane_peers::{BODY, LEAD, Message, Subscriber, Task, Work, contestants};

const UES: usize = 64;
const SLOT: usize = 256;
const MESSAGES: usize = 512;

fn octets(seed: usize, count: usize) -> Vec<u8> {
    let mut state = seed as u64 + 1;
    let step = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as u8
    };
    (0..count).map(step).collect()
}

fn subscriber(number: usize) -> Subscriber {
    let key = octets(number, 64);
    Subscriber {
        k_amf: key[..32].try_into().unwrap(),
        k_nas_enc: key[32..48].try_into().unwrap(),
        k_nas_int: key[48..].try_into().unwrap(),
    }
}

fn agree(task: &Task) {
    let subscribers: Vec<_> = (0..UES).map(subscriber).collect();
    let input = octets(99, MESSAGES * SLOT);
    let message = |number: usize| Message {
        ue: (number * 37 % UES) as u32,
        count: (number * 65_537) as u32 & 0x00FF_FFFF,
        len: if task.mixed {
            24 + (number * 61 % 137) as u32
        } else {
            64
        },
    };
    let messages: Vec<_> = (0..MESSAGES).map(message).collect();
    let mut first: Option<(String, Vec<u8>)> = None;
    for mut contestant in contestants(task, &subscribers) {
        let name = format!("{} ({})", contestant.library(), contestant.way());
        let mut out = vec![0xA5; MESSAGES * SLOT];
        contestant.load(&messages);
        contestant.run(&input, &mut out);
        let answers: Vec<u8> = messages
            .iter()
            .zip(out.chunks(SLOT))
            .flat_map(|(message, slot)| match task.work {
                Work::Derive => &slot[LEAD..LEAD + 32],
                _ => &slot[LEAD..LEAD + BODY + message.len as usize],
            })
            .copied()
            .collect();
        match &first {
            Some((other, expected)) => {
                assert!(answers == *expected, "{name} and {other} differ: {task:?}")
            }
            None => first = Some((name, answers)),
        }
    }
    assert!(first.is_some());
}

#[test]
fn everyone_gives_the_same_answers() {
    for batch in [1, 4, 16, 64, 256] {
        for restricted in [false, true] {
            let task = Task {
                work: Work::Derive,
                algorithm: 2,
                fresh_keys: false,
                batch,
                slot: SLOT,
                mixed: false,
                restricted,
            };
            agree(&task);
            for (algorithm, fresh_keys) in [(1, false), (2, false), (2, true), (3, false)] {
                for mixed in [false, true] {
                    agree(&Task {
                        work: Work::Protect,
                        algorithm,
                        fresh_keys,
                        mixed,
                        ..task
                    });
                }
            }
        }
    }
}
