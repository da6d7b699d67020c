//! naslane's part: the stateless lanes of `naslane::algorithm` and `naslane::kdf`.

use arrayvec::ArrayVec;
use naslane::algorithm::{Input, Key, Nea, Nia, ProtectLane, VerifyLane, prepare, protect, verify};
use naslane::base::Direction;
use naslane::kdf::{AlgorithmId, KAmf, KNasLane, k_nas_batch};

use super::contest::{BATCH_MAX, BEARER, BODY, Contestant, Fleet, LEAD, Message, Task};
use super::plan::Verb;

/// Its name beside the peers.
pub(super) const NAME: &str = "naslane";

/// Keys of UEs, each in three cache lines of its own.
#[repr(align(64))]
struct Block([[Key; 2]; BATCH_MAX]);

struct Ours {
    task: Task,
    nea: Nea,
    nia: Nia,
    messages: Vec<Message>,
    /// Of every UE, or with a key per message of every lane.
    keys: Vec<Block>,
    /// With a key per message: of every UE.
    raw: Vec<[[u8; 16]; 2]>,
    k_amf: Vec<KAmf>,
}

pub(super) fn contestant(task: &Task, fleet: &Fleet) -> Box<dyn Contestant> {
    let nea = Nea::from_id(task.id).unwrap_or(Nea::Nea2);
    let nia = Nia::from_id(task.id).unwrap_or(Nia::Nia2);
    let ues = if task.fresh_keys {
        BATCH_MAX
    } else {
        fleet.subscribers.len()
    };
    let keyed = &fleet.subscribers[..ues];
    Box::new(Ours {
        task: *task,
        nea,
        nia,
        messages: Vec::new(),
        keys: keyed
            .chunks_exact(BATCH_MAX)
            .map(|block| {
                Block(core::array::from_fn(|i| {
                    [
                        Key::for_nea(nea, &block[i].k_nas_enc),
                        Key::for_nia(nia, &block[i].k_nas_int),
                    ]
                }))
            })
            .collect(),
        raw: fleet
            .subscribers
            .iter()
            .map(|keys| [keys.k_nas_enc, keys.k_nas_int])
            .collect(),
        k_amf: fleet
            .subscribers
            .iter()
            .map(|keys| KAmf::new(keys.k_amf))
            .collect(),
    })
}

/// The slots of a message, in and out.
type Slots<'s> = (&'s [u8], &'s mut [u8]);

impl Ours {
    #[inline(always)]
    fn keys(&self, message: &Message, lane: usize) -> &[Key; 2] {
        let place = if self.task.fresh_keys {
            lane
        } else {
            message.ue as usize
        };
        &self.keys[place / BATCH_MAX].0[place % BATCH_MAX]
    }

    fn expand(&mut self, first: usize) {
        let messages = &self.messages[first..first + self.task.batch];
        let keys = &mut self.keys[0].0[..self.task.batch];
        for (message, keys) in messages.iter().zip(keys.iter_mut()) {
            let [enc, int] = &self.raw[message.ue as usize];
            keys[0].set_unprepared(enc);
            keys[1].set_unprepared(int);
        }
        prepare(self.nea, self.nia, keys);
    }

    #[inline(always)]
    fn input(&self, message: &Message) -> Input {
        Input {
            count: message.count,
            bearer: BEARER,
            direction: if self.task.verb == Verb::Protect {
                Direction::Downlink
            } else {
                Direction::Uplink
            },
        }
    }

    /// A message to protect, and the place in front of it.
    #[inline(always)]
    fn to_protect<'s>(
        &'s self,
        (message, lane): (&Message, usize),
        (input, out): Slots<'s>,
    ) -> (ProtectLane<'s>, &'s mut [u8]) {
        let len = message.len as usize;
        let (head, text) = out.split_at_mut(LEAD + BODY - 1);
        let text = &mut text[..1 + len];
        head[LEAD] = 0x7E;
        head[LEAD + 1] = 2;
        text[0] = message.count as u8;
        // The stream ciphers would copy it, later: better while it is at hand.
        let apart = self.nea == Nea::Nea2;
        if !apart {
            text[1..].copy_from_slice(&input[..len]);
        }
        let [enc, int] = self.keys(message, lane);
        let lane = ProtectLane {
            enc: enc.cipher(),
            int,
            input: self.input(message),
            text,
            plain: apart.then_some(&input[..len]),
            ciphered: 1..1 + len,
            mac: [0; 4],
        };
        (lane, head)
    }

    /// A message to verify, and the place in front of it.
    #[inline(always)]
    fn to_verify<'s>(
        &'s self,
        (message, lane): (&Message, usize),
        (input, out): Slots<'s>,
    ) -> (VerifyLane<'s>, &'s mut [u8]) {
        let len = message.len as usize;
        let pdu = &input[LEAD..][..BODY + len];
        let (head, text) = out.split_at_mut(LEAD + BODY - 1);
        let [enc, int] = self.keys(message, lane);
        let lane = VerifyLane {
            enc: enc.cipher(),
            int,
            input: self.input(message),
            text: &mut text[..1 + len],
            ciphered: 1..1 + len,
            mac: [pdu[2], pdu[3], pdu[4], pdu[5]],
            authentic: false,
        };
        (lane, head)
    }

    fn protect(&self, first: usize, input: &[u8], out: &mut [u8]) {
        let slot = self.task.slot;
        let mut lanes = ArrayVec::<_, BATCH_MAX>::new();
        let mut heads = ArrayVec::<_, BATCH_MAX>::new();
        let places = input.chunks_exact(slot).zip(out.chunks_exact_mut(slot));
        for (lane, (message, place)) in self.messages[first..].iter().zip(places).enumerate() {
            let (lane, head) = self.to_protect((message, lane), place);
            lanes.push(lane);
            heads.push(head);
        }
        protect(self.nea, self.nia, &mut lanes);
        for (lane, head) in lanes.iter().zip(&mut heads) {
            head[LEAD + 2..].copy_from_slice(&lane.mac);
        }
    }

    fn verify(&self, first: usize, input: &[u8], out: &mut [u8]) {
        let slot = self.task.slot;
        let mut lanes = ArrayVec::<_, BATCH_MAX>::new();
        let mut heads = ArrayVec::<_, BATCH_MAX>::new();
        let places = input.chunks_exact(slot).zip(out.chunks_exact_mut(slot));
        for (lane, (message, place)) in self.messages[first..].iter().zip(places).enumerate() {
            let (lane, head) = self.to_verify((message, lane), place);
            lanes.push(lane);
            heads.push(head);
        }
        verify(self.nea, self.nia, &mut lanes);
        for (lane, head) in lanes.iter().zip(&mut heads) {
            head[0] = u8::from(lane.authentic);
        }
    }

    /// Calls for one message, as a caller with one would make them: with nothing gathered.
    fn singly(&self, input: &[u8], out: &mut [u8]) {
        let slot = self.task.slot;
        let places = input.chunks_exact(slot).zip(out.chunks_exact_mut(slot));
        let messages = self.messages.iter().zip(places);
        if self.task.verb == Verb::Protect {
            for (message, place) in messages {
                let (lane, head) = self.to_protect((message, 0), place);
                let mut lane = [lane];
                protect(self.nea, self.nia, &mut lane);
                head[LEAD + 2..].copy_from_slice(&lane[0].mac);
            }
        } else {
            for (message, place) in messages {
                let (lane, head) = self.to_verify((message, 0), place);
                let mut lane = [lane];
                verify(self.nea, self.nia, &mut lane);
                head[0] = u8::from(lane[0].authentic);
            }
        }
    }

    fn derive(&self, first: usize, out: &mut [u8]) {
        let id = AlgorithmId::AES;
        let messages = self.messages[first..].iter().take(self.task.batch);
        let lane = |message: &Message| KNasLane::new(&self.k_amf[message.ue as usize], id, id);
        let mut lanes: ArrayVec<_, BATCH_MAX> = messages.map(lane).collect();
        k_nas_batch(&mut lanes);
        for (lane, out) in lanes.iter().zip(out.chunks_exact_mut(self.task.slot)) {
            out[LEAD..LEAD + 16].copy_from_slice(lane.k_nas_enc.expose());
            out[LEAD + 16..LEAD + 32].copy_from_slice(lane.k_nas_int.expose());
        }
    }
}

impl Contestant for Ours {
    fn library(&self) -> &str {
        NAME
    }

    fn way(&self) -> &str {
        "lanes"
    }

    fn load(&mut self, messages: &[Message]) {
        self.messages.clear();
        self.messages.extend_from_slice(messages);
    }

    // Copied inside the clock, the blocks of the MAC would be read across stores of the copy that have not reached the
    // cache: no message could begin before the one in front of it had ended, 20 of 70 ns of a single AES message.
    fn receive(&self, input: &[u8], out: &mut [u8]) {
        if self.task.verb == Verb::Verify {
            let slot = self.task.slot;
            let places = input.chunks_exact(slot).zip(out.chunks_exact_mut(slot));
            for (message, (input, out)) in self.messages.iter().zip(places) {
                let text = LEAD + BODY - 1..LEAD + BODY + message.len as usize;
                out[text.clone()].copy_from_slice(&input[text]);
            }
        }
    }

    fn run(&mut self, input: &[u8], out: &mut [u8]) {
        if self.task.batch == 1 && !self.task.fresh_keys && self.task.verb != Verb::Derive {
            return self.singly(input, out);
        }
        let octets = self.task.batch * self.task.slot;
        let places = input.chunks_exact(octets).zip(out.chunks_exact_mut(octets));
        for (call, (input, out)) in places.enumerate() {
            let first = call * self.task.batch;
            if self.task.fresh_keys {
                self.expand(first);
            }
            match self.task.verb {
                Verb::Protect => self.protect(first, input, out),
                Verb::Derive => self.derive(first, out),
                _ => self.verify(first, input, out),
            }
        }
    }
}
