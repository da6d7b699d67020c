//! RustCrypto: `aes`, `ctr` and `cmac` for 128-NEA2 and 128-NIA2, `hmac` and `sha2` for derivation.

use aes::cipher::{InnerIvInit, KeyInit, StreamCipher};
use aes::{Aes128, Aes128Enc};
use cmac::{Cmac, Mac};
use ctr::Ctr128BE;
use hmac::Hmac;
use sha2::Sha256;

use crate::Library;
use crate::task::{BEARER, Contestant, Item, LEAD, Message, Round, Subscriber, Task, Work};

const NAME: &str = "RustCrypto aes 0.9.4";

pub(crate) fn library() -> Library {
    Library {
        name: NAME.to_owned(),
        instructions: "finds out by itself and does not say".to_owned(),
    }
}

/// Keys of a UE, expanded.
struct Cached {
    enc: Aes128Enc,
    int: Cmac<Aes128>,
}

struct RustCrypto {
    round: Round,
    cached: Vec<Cached>,
    subscribers: Vec<Subscriber>,
}

pub(crate) fn contestants(task: &Task, subscribers: &[Subscriber]) -> Vec<Box<dyn Contestant>> {
    if task.work != Work::Derive && task.algorithm != 2 {
        return Vec::new();
    }
    let cached = |subscriber: &Subscriber| Cached {
        enc: Aes128Enc::new(&subscriber.k_nas_enc.into()),
        int: Cmac::new(&subscriber.k_nas_int.into()),
    };
    let expand = task.work != Work::Derive && !task.fresh_keys;
    vec![Box::new(RustCrypto {
        round: Round::new(task),
        cached: if expand {
            subscribers.iter().map(cached).collect()
        } else {
            Vec::new()
        },
        subscribers: subscribers.to_vec(),
    })]
}

/// COUNT, BEARER, DIRECTION, 26 zero bits.
fn head(message: Message, work: Work) -> [u8; 8] {
    let [a, b, c, d] = message.count.to_be_bytes();
    let direction = u8::from(work == Work::Protect);
    [a, b, c, d, BEARER << 3 | direction << 2, 0, 0, 0]
}

fn cipher(enc: &Aes128Enc, item: &mut Item<'_>, head: [u8; 8]) {
    let mut iv = [0; 16];
    iv[..8].copy_from_slice(&head);
    Ctr128BE::from_core(ctr::CtrCore::inner_iv_init(enc, &iv.into())).apply_keystream(item.text());
}

fn mac(int: &mut Cmac<Aes128>, item: &Item<'_>, head: [u8; 8]) -> [u8; 4] {
    int.update(&head);
    int.update(item.covered());
    let mac = int.finalize_reset().into_bytes();
    [mac[0], mac[1], mac[2], mac[3]]
}

fn message(work: Work, item: &mut Item<'_>, enc: &Aes128Enc, int: &mut Cmac<Aes128>) {
    let head = head(item.message, work);
    item.lay(work);
    if work == Work::Protect {
        cipher(enc, item, head);
    }
    let mac = mac(int, item, head);
    if item.settle(work, mac) && work == Work::Verify {
        cipher(enc, item, head);
    }
}

/// S of TS 33.501 A.8.
const fn k_nas_input(kind: u8) -> [u8; 7] {
    [0x69, kind, 0, 1, 2, 0, 1]
}

fn derive(subscriber: &Subscriber, keys: &mut [u8]) {
    let keyed = <Hmac<Sha256> as KeyInit>::new(&{
        let mut block = [0; 64];
        block[..32].copy_from_slice(&subscriber.k_amf);
        block.into()
    });
    for kind in [1, 2] {
        let mut mac = keyed.clone();
        mac.update(&k_nas_input(kind));
        let place = 16 * (kind as usize - 1);
        keys[place..place + 16].copy_from_slice(&mac.finalize().into_bytes()[16..]);
    }
}

impl Contestant for RustCrypto {
    fn library(&self) -> &str {
        NAME
    }

    fn way(&self) -> &str {
        match (self.round.task.work, self.round.task.fresh_keys) {
            (Work::Derive, _) => "hmac and sha2, one key setup for both outputs",
            (_, true) => "ctr and cmac, a key each",
            (_, false) => "ctr and cmac, ciphers kept per UE",
        }
    }

    fn load(&mut self, messages: &[Message]) {
        self.round.load(messages);
    }

    fn run(&mut self, input: &[u8], out: &mut [u8]) {
        let (work, fresh) = (self.round.task.work, self.round.task.fresh_keys);
        for mut item in self.round.items(input, out) {
            let ue = item.message.ue as usize;
            if work == Work::Derive {
                derive(&self.subscribers[ue], &mut item.out[LEAD..LEAD + 32]);
            } else if fresh {
                let subscriber = &self.subscribers[ue];
                let enc = Aes128Enc::new(&subscriber.k_nas_enc.into());
                let mut int = Cmac::new(&subscriber.k_nas_int.into());
                message(work, &mut item, &enc, &mut int);
            } else {
                let cached = &mut self.cached[ue];
                message(work, &mut item, &cached.enc, &mut cached.int);
            }
        }
    }
}
