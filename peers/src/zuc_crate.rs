//! The crate `zuc`: 128-NEA3 and 128-NIA3, one message at a time.

use zuc::eea3::eea3_xor_inplace;
use zuc::eia3::Eia3Mac;

use crate::Library;
use crate::task::{BEARER, Contestant, Item, Message, Round, Subscriber, Task, Work};

const NAME: &str = "zuc 0.4.1";

pub(crate) fn library() -> Library {
    Library {
        name: NAME.to_owned(),
        instructions: "portable code".to_owned(),
    }
}

struct Zuc {
    round: Round,
    subscribers: Vec<Subscriber>,
}

pub(crate) fn contestants(task: &Task, subscribers: &[Subscriber]) -> Vec<Box<dyn Contestant>> {
    if task.work == Work::Derive || task.algorithm != 3 {
        return Vec::new();
    }
    vec![Box::new(Zuc {
        round: Round::new(task),
        subscribers: subscribers.to_vec(),
    })]
}

fn cipher(key: &[u8; 16], direction: u8, item: &mut Item<'_>) {
    let (count, bits) = (item.message.count, 8 * item.message.len as usize);
    eea3_xor_inplace(count, BEARER, direction, key, item.text(), bits);
}

impl Contestant for Zuc {
    fn library(&self) -> &str {
        NAME
    }

    fn way(&self) -> &str {
        "eea3_xor_inplace, Eia3Mac"
    }

    fn load(&mut self, messages: &[Message]) {
        self.round.load(messages);
    }

    fn run(&mut self, input: &[u8], out: &mut [u8]) {
        let work = self.round.task.work;
        let direction = u8::from(work == Work::Protect);
        for mut item in self.round.items(input, out) {
            let keys = &self.subscribers[item.message.ue as usize];
            item.lay(work);
            if work == Work::Protect {
                cipher(&keys.k_nas_enc, direction, &mut item);
            }
            let covered = item.covered();
            let (count, int) = (item.message.count, &keys.k_nas_int);
            let mac = Eia3Mac::compute(count, BEARER, direction, int, covered, 8 * covered.len());
            if item.settle(work, mac.to_be_bytes()) && work == Work::Verify {
                cipher(&keys.k_nas_enc, direction, &mut item);
            }
        }
    }
}
