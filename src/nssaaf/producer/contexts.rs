//! Authentications under way: one context each, bounded in number and time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::nas::nssaa::SNssai;
use crate::nssaaf::http::Reply;

/// How long a finished one is kept, for a PUT that comes again.
const FINISHED: Duration = Duration::from_secs(30);

/// Where a conversation stands at the AAA server.
#[derive(Clone)]
pub(super) struct Talk {
    pub(super) gpsi: Arc<str>,
    pub(super) s_nssai: SNssai,
    /// The group of AAA servers, and the server in it that has the conversation.
    pub(super) group: usize,
    pub(super) server: Option<usize>,
    /// State of the last Access-Challenge.
    pub(super) state: Option<Vec<u8>>,
    /// The EAP identity, which is the User-Name of every request.
    pub(super) identity: Option<Vec<u8>>,
}

struct Context {
    talk: Talk,
    /// A PUT is under way.
    busy: bool,
    /// The last PUT's EAP packet, and what was answered: a PUT that comes again gets the same.
    last: Option<(Vec<u8>, Reply)>,
    finished: bool,
    deadline: (Instant, u64),
}

/// What a PUT finds.
pub(super) enum Found {
    /// Nothing: never was, or too old.
    None,
    /// Another UE's or slice's context.
    Other,
    /// The same PUT was answered before.
    Again(Reply),
    /// A PUT is under way.
    Busy,
    /// To be asked.
    Talk(Talk),
}

/// All contexts. Names are random: one cannot be guessed from another.
pub(super) struct Contexts {
    most: usize,
    life: Duration,
    contexts: HashMap<Arc<str>, Context>,
    deadlines: BTreeMap<(Instant, u64), Arc<str>>,
    number: u64,
}

impl Contexts {
    pub(super) fn new(most: usize, life: Duration) -> Self {
        Self {
            most,
            life,
            contexts: HashMap::new(),
            deadlines: BTreeMap::new(),
            number: 0,
        }
    }

    fn deadline(&mut self, name: &Arc<str>, life: Duration) -> (Instant, u64) {
        self.number += 1;
        let deadline = (Instant::now() + life, self.number);
        self.deadlines.insert(deadline, name.clone());
        deadline
    }

    /// Forgets those whose time is over.
    fn sweep(&mut self) {
        let now = Instant::now();
        while let Some(first) = self.deadlines.first_entry()
            && first.key().0 <= now
        {
            let name = first.remove();
            self.contexts.remove(&name);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.contexts.len()
    }

    /// Room for one more?
    pub(super) fn room(&mut self) -> bool {
        self.sweep();
        self.contexts.len() < self.most
    }

    /// Keeps a conversation that goes on, or one that ended with its first answer. `None`: no room, or no randomness.
    pub(super) fn open(&mut self, talk: Talk, finished: bool) -> Option<Arc<str>> {
        if !self.room() {
            return None;
        }
        let mut random = [0; 16];
        crate::base::random::fill(&mut random).ok()?;
        let name: Arc<str> = format!("{:032x}", u128::from_be_bytes(random)).into();
        let life = if finished { FINISHED } else { self.life };
        let deadline = self.deadline(&name, life);
        let context = Context {
            talk,
            busy: false,
            last: None,
            finished,
            deadline,
        };
        self.contexts.insert(name.clone(), context);
        Some(name)
    }

    /// A PUT arrives; what it finds to ask is busy until [`Contexts::done`].
    pub(super) fn enter(
        &mut self,
        name: &str,
        (gpsi, s_nssai): (&str, SNssai),
        eap: &[u8],
    ) -> Found {
        self.sweep();
        let Some(context) = self.contexts.get_mut(name) else {
            return Found::None;
        };
        if &*context.talk.gpsi != gpsi || context.talk.s_nssai != s_nssai {
            return Found::Other;
        }
        if context.busy {
            return Found::Busy;
        }
        match &context.last {
            Some((before, reply)) if before == eap => Found::Again(reply.clone()),
            _ if context.finished => Found::None,
            _ => {
                context.busy = true;
                Found::Talk(context.talk.clone())
            }
        }
    }

    /// The PUT is answered. `talk`: where the conversation stands now; `None`: nothing was heard, it stands as before.
    pub(super) fn done(
        &mut self,
        name: &str,
        talk: Option<Talk>,
        answered: (Vec<u8>, &Reply),
        finished: bool,
    ) {
        let Some(context) = self.contexts.get_mut(name) else {
            return;
        };
        context.busy = false;
        let Some(talk) = talk else { return };
        context.talk = talk;
        context.finished = finished;
        context.last = Some((answered.0, answered.1.clone()));
        let old = context.deadline;
        let Some(name) = self.deadlines.remove(&old) else {
            return;
        };
        let life = if finished { FINISHED } else { self.life };
        let deadline = self.deadline(&name, life);
        if let Some(context) = self.contexts.get_mut(&name) {
            context.deadline = deadline;
        }
    }
}
