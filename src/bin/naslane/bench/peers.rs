//! The peers, where they are built in: their words for ours.

use super::contest::{Contestant, Fleet, Task};

/// True in a program with the feature `peers`.
pub(super) const BUILT: bool = cfg!(feature = "peers");

/// A library's name and the instructions it uses.
pub(super) type Library = (String, String);

#[cfg(not(feature = "peers"))]
pub(super) fn contestants(_: &Task, _: &Fleet) -> Vec<Box<dyn Contestant>> {
    Vec::new()
}

#[cfg(not(feature = "peers"))]
pub(super) fn libraries(_restricted: bool) -> Vec<Library> {
    Vec::new()
}

#[cfg(feature = "peers")]
pub(super) use built::{contestants, libraries};

#[cfg(feature = "peers")]
mod built {
    use naslane_peers as peers;

    use super::super::contest::{BATCH_MAX, BODY, LEAD, Message};
    use super::super::plan::Verb;
    use super::{Contestant, Fleet, Library, Task};

    const _: () =
        assert!(BATCH_MAX == peers::BATCH_MAX && LEAD == peers::LEAD && BODY == peers::BODY);

    struct Peer(Box<dyn peers::Contestant>);

    impl Contestant for Peer {
        fn library(&self) -> &str {
            self.0.library()
        }

        fn way(&self) -> &str {
            self.0.way()
        }

        fn load(&mut self, messages: &[Message]) {
            let message = |message: &Message| peers::Message {
                ue: message.ue,
                count: message.count,
                len: message.len,
            };
            self.0
                .load(&messages.iter().map(message).collect::<Vec<_>>());
        }

        fn run(&mut self, input: &[u8], out: &mut [u8]) {
            self.0.run(input, out);
        }
    }

    pub(in super::super) fn contestants(task: &Task, fleet: &Fleet) -> Vec<Box<dyn Contestant>> {
        let subscribers = fleet.subscribers.iter().map(|keys| peers::Subscriber {
            k_amf: keys.k_amf,
            k_nas_enc: keys.k_nas_enc,
            k_nas_int: keys.k_nas_int,
        });
        let task = peers::Task {
            work: match task.verb {
                Verb::Protect => peers::Work::Protect,
                Verb::Derive => peers::Work::Derive,
                _ => peers::Work::Verify,
            },
            algorithm: task.id,
            fresh_keys: task.fresh_keys,
            batch: task.batch,
            slot: task.slot,
            mixed: task.mixed,
            restricted: task.restricted,
        };
        let all = peers::contestants(&task, &subscribers.collect::<Vec<_>>());
        all.into_iter()
            .map(|peer| Box::new(Peer(peer)) as Box<dyn Contestant>)
            .collect()
    }

    pub(in super::super) fn libraries(restricted: bool) -> Vec<Library> {
        let all = peers::libraries(restricted).into_iter();
        all.map(|library| (library.name, library.instructions))
            .collect()
    }
}
