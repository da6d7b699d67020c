//! oxirush-security: its batch functions, and its calls for one message.

use arrayvec::ArrayVec;
use oxirush_security::nas_5gs::{
    KAmf, KNasEnc, KNasInt, NasConnection, cipher_job, derive_knas_enc, derive_knas_int, mac_job,
    nas_cipher, nas_mac,
};
use oxirush_security::{
    CipheringAlgorithm, CipheringContext, Direction, IntegrityAlgorithm, IntegrityContext,
    NasCount, nea_cipher_batch, nia_mac_batch,
};

use crate::Library;
use crate::task::{BATCH_MAX, Contestant, Item, LEAD, Message, Round, Subscriber, Task, Work};

const NAME: &str = "oxirush 0.3.0";
const ACCESS: NasConnection = NasConnection::ThreeGpp;

pub(crate) fn library() -> Library {
    Library {
        name: NAME.to_owned(),
        instructions: format!(
            "finds out by itself: {}",
            oxirush_security::implementation()
        ),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Batch,
    Single,
    Derive,
}

/// Keys of every UE.
enum Keys {
    Contexts(Vec<(CipheringContext, IntegrityContext)>),
    Raw(Vec<(KNasEnc, KNasInt)>),
    Amf(Vec<KAmf>),
}

struct Oxirush {
    round: Round,
    way: Way,
    nea: CipheringAlgorithm,
    nia: IntegrityAlgorithm,
    direction: Direction,
    keys: Keys,
}

fn nas_count(message: Message) -> NasCount {
    NasCount::from_parts((message.count >> 8) as u16, message.count as u8)
}

pub(crate) fn contestants(task: &Task, subscribers: &[Subscriber]) -> Vec<Box<dyn Contestant>> {
    let ways: &[Way] = match task.work {
        Work::Derive => &[Way::Derive],
        _ if task.batch == 1 => &[Way::Single],
        _ => &[Way::Batch, Way::Single],
    };
    let new =
        |way: &Way| -> Box<dyn Contestant> { Box::new(Oxirush::new(task, subscribers, *way)) };
    ways.iter().map(new).collect()
}

impl Oxirush {
    fn new(task: &Task, subscribers: &[Subscriber], way: Way) -> Self {
        let (nea, nia) = match task.algorithm {
            1 => (CipheringAlgorithm::NEA1, IntegrityAlgorithm::NIA1),
            2 => (CipheringAlgorithm::NEA2, IntegrityAlgorithm::NIA2),
            _ => (CipheringAlgorithm::NEA3, IntegrityAlgorithm::NIA3),
        };
        let pairs = subscribers.iter().map(|subscriber| {
            let enc = KNasEnc::new(&subscriber.k_nas_enc);
            (enc, KNasInt::new(&subscriber.k_nas_int))
        });
        let contexts = |(enc, int)| {
            (
                CipheringContext::new(&enc, nea),
                IntegrityContext::new(&int, nia),
            )
        };
        let amf = |subscriber: &Subscriber| KAmf::new(&subscriber.k_amf);
        let keys = match (task.work, task.algorithm) {
            (Work::Derive, _) => Keys::Amf(subscribers.iter().map(amf).collect()),
            // Its manual: a context saves time with AES only.
            (_, 2) if !task.fresh_keys => Keys::Contexts(pairs.map(contexts).collect()),
            _ => Keys::Raw(pairs.collect()),
        };
        Self {
            round: Round::new(task),
            way,
            nea,
            nia,
            direction: if task.work == Work::Protect {
                Direction::Downlink
            } else {
                Direction::Uplink
            },
            keys,
        }
    }

    fn cipher_batch(&self, items: &mut [Item<'_>], authentic: &[bool]) {
        let mut jobs = ArrayVec::<_, BATCH_MAX>::new();
        for (item, right) in items.iter_mut().zip(authentic) {
            if !right {
                continue;
            }
            let (message, direction) = (item.message, self.direction);
            let (ue, count, text) = (message.ue as usize, nas_count(message), item.text());
            jobs.push(match &self.keys {
                Keys::Contexts(all) => all[ue].0.job(count, ACCESS, direction, text),
                Keys::Raw(all) => cipher_job(&all[ue].0, count, ACCESS, direction, text, self.nea),
                Keys::Amf(_) => unreachable!("keys of another work"),
            });
        }
        nea_cipher_batch(&mut jobs);
    }

    fn mac_batch(&self, items: &mut [Item<'_>], authentic: &mut [bool]) {
        let mut jobs = ArrayVec::<_, BATCH_MAX>::new();
        for item in items.iter() {
            let (message, direction) = (item.message, self.direction);
            let (ue, count, covered) = (message.ue as usize, nas_count(message), item.covered());
            jobs.push(match &self.keys {
                Keys::Contexts(all) => all[ue].1.job(count, ACCESS, direction, covered),
                Keys::Raw(all) => mac_job(&all[ue].1, count, ACCESS, direction, covered, self.nia),
                Keys::Amf(_) => unreachable!("keys of another work"),
            });
        }
        nia_mac_batch(&mut jobs);
        let macs: ArrayVec<_, BATCH_MAX> = jobs.iter().map(|job| job.mac().unwrap_or(0)).collect();
        drop(jobs);
        for ((item, mac), right) in items.iter_mut().zip(macs).zip(authentic) {
            *right = item.settle(self.round.task.work, mac.to_be_bytes());
        }
    }

    fn batches(&self, input: &[u8], out: &mut [u8]) {
        let task = self.round.task;
        let mut all = self.round.items(input, out);
        for _ in (0..self.round.messages.len()).step_by(task.batch) {
            let mut items: ArrayVec<_, BATCH_MAX> = all.by_ref().take(task.batch).collect();
            items.iter_mut().for_each(|item| item.lay(task.work));
            let mut authentic = [true; BATCH_MAX];
            if task.work == Work::Protect {
                self.cipher_batch(&mut items, &authentic);
                self.mac_batch(&mut items, &mut authentic);
            } else {
                self.mac_batch(&mut items, &mut authentic);
                self.cipher_batch(&mut items, &authentic);
            }
        }
    }

    fn cipher(&self, item: &mut Item<'_>) {
        let (message, direction) = (item.message, self.direction);
        let (ue, count, text) = (message.ue as usize, nas_count(message), item.text());
        match &self.keys {
            Keys::Contexts(all) => all[ue].0.cipher(count, ACCESS, direction, text),
            Keys::Raw(all) => nas_cipher(&all[ue].0, count, ACCESS, direction, text, self.nea),
            Keys::Amf(_) => unreachable!("keys of another work"),
        }
    }

    fn mac(&self, item: &Item<'_>) -> [u8; 4] {
        let (message, direction) = (item.message, self.direction);
        let (ue, count, covered) = (message.ue as usize, nas_count(message), item.covered());
        let mac = match &self.keys {
            Keys::Contexts(all) => all[ue].1.mac(count, ACCESS, direction, covered),
            Keys::Raw(all) => nas_mac(&all[ue].1, count, ACCESS, direction, covered, self.nia),
            Keys::Amf(_) => unreachable!("keys of another work"),
        };
        mac.to_be_bytes()
    }

    fn singles(&self, input: &[u8], out: &mut [u8]) {
        let work = self.round.task.work;
        for mut item in self.round.items(input, out) {
            item.lay(work);
            if work == Work::Protect {
                self.cipher(&mut item);
            }
            let mac = self.mac(&item);
            if item.settle(work, mac) && work == Work::Verify {
                self.cipher(&mut item);
            }
        }
    }

    fn derive(&self, input: &[u8], out: &mut [u8]) {
        let Keys::Amf(all) = &self.keys else {
            unreachable!("keys of another work")
        };
        for item in self.round.items(input, out) {
            let k_amf = &all[item.message.ue as usize];
            let enc = derive_knas_enc(k_amf, self.nea);
            let int = derive_knas_int(k_amf, self.nia);
            item.out[LEAD..LEAD + 16].copy_from_slice(enc.as_octets());
            item.out[LEAD + 16..LEAD + 32].copy_from_slice(int.as_octets());
        }
    }
}

impl Contestant for Oxirush {
    fn library(&self) -> &str {
        NAME
    }

    fn way(&self) -> &str {
        match (self.way, &self.keys) {
            (Way::Batch, Keys::Contexts(_)) => "batch functions, contexts",
            (Way::Single, Keys::Contexts(_)) => "single calls, contexts",
            (Way::Batch, _) => "batch functions, keys",
            (Way::Single, _) => "single calls, keys",
            (Way::Derive, _) => "derive_knas_enc, derive_knas_int",
        }
    }

    fn load(&mut self, messages: &[Message]) {
        self.round.load(messages);
    }

    fn run(&mut self, input: &[u8], out: &mut [u8]) {
        match self.way {
            Way::Batch => self.batches(input, out),
            Way::Single => self.singles(input, out),
            Way::Derive => self.derive(input, out),
        }
    }
}
