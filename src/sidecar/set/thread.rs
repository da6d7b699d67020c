//! The thread that alone talks to the store.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crate::base::Error;
use crate::engine::worker::Workers;
use crate::session::attend::{Attendant, Taken};
use crate::session::{Handle, Table};
use crate::store::{SessionName, Store};

use super::{Order, Shared};

/// Between two looks at what the hot path wants. Half a lease is left when it asks: 16 messages of one session.
const TURN: Duration = Duration::from_millis(2);

/// How long a daemon that stops tries to give its sessions back.
const LAST: Duration = Duration::from_secs(20);

/// What the thread has.
pub(super) struct Keeping {
    pub(super) attendant: Attendant<Box<dyn Store>>,
    pub(super) workers: Arc<Workers>,
    pub(super) shared: Arc<Shared>,
    pub(super) inbox: Receiver<Order>,
}

impl Keeping {
    /// Until it is told to stop; true when everything was given back.
    pub(super) fn run(mut self) -> bool {
        let begin = Instant::now();
        let workers = Arc::clone(&self.workers);
        let engines = (0..workers.len()).filter_map(|worker| workers.engine(worker));
        let tables: Vec<&Table> = engines.map(crate::engine::Engine::table).collect();
        loop {
            let mut order = self.inbox.recv_timeout(TURN);
            while let Ok(what) = order {
                if matches!(what, Order::Stop) {
                    return self.stop(&tables, begin);
                }
                self.obey(&tables, &what);
                order = self.inbox.try_recv().map_err(|_| RecvTimeoutError::Timeout);
            }
            if matches!(order, Err(RecvTimeoutError::Disconnected)) {
                return false;
            }
            self.turn(&tables, begin.elapsed());
        }
    }

    fn obey(&mut self, tables: &[&Table], order: &Order) {
        match *order {
            Order::Take(name) => self.take(tables, name),
            Order::Give(handle) => {
                let given = self.attendant.give(tables, handle);
                if let Err(error) = given {
                    self.given(handle, Err(error));
                }
            }
            Order::GivenAway(handle) => self.attendant.given_away(handle),
            Order::Released(handle) => self.attendant.released(handle),
            Order::Stop => {}
        }
    }

    fn turn(&mut self, tables: &[&Table], now: Duration) {
        self.attendant.attend(tables, now);
        let (mut takes, mut gives) = (Vec::new(), Vec::new());
        let desk = self.shared.desk();
        takes.extend(desk.takes.iter().filter_map(|(name, asked)| {
            // One that was not begun yet is still in the inbox.
            let open = asked.answer.is_none();
            (open && self.attendant.takes(*name)).then_some(*name)
        }));
        gives.extend(desk.gives.iter().filter_map(|(handle, asked)| {
            let open = asked.answer.is_none();
            (open && self.attendant.gives(*handle)).then_some(*handle)
        }));
        drop(desk);
        for name in takes {
            self.take(tables, name);
        }
        for handle in gives {
            if !self.attendant.keeps(handle) {
                self.given(handle, Ok(()));
            }
        }
        self.publish();
    }

    fn take(&mut self, tables: &[&Table], name: SessionName) {
        let answer = match self.attendant.take_over(tables, name) {
            Ok(Taken::Waiting) => return,
            Ok(Taken::Here(handle)) => Ok(handle),
            Err(error) => Err(error),
        };
        if let Some(asked) = self.shared.desk().takes.get_mut(&name) {
            asked.answer = Some(answer);
        }
    }

    fn given(&self, handle: Handle, answer: Result<(), Error>) {
        if let Some(asked) = self.shared.desk().gives.get_mut(&handle) {
            asked.answer = Some(answer);
        }
    }

    fn publish(&mut self) {
        let figures = self.attendant.figures();
        let present = self.attendant.keeper().present();
        self.shared.present.store(present, Ordering::Release);
        let keys = self.attendant.len() as u64;
        self.shared.keys.store(keys, Ordering::Relaxed);
        let mut shared = self
            .shared
            .figures
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *shared = figures;
    }

    /// The workers have ended: COUNTs stand still.
    fn stop(&mut self, tables: &[&Table], begin: Instant) -> bool {
        let since = Instant::now();
        // What the hot path asked for last, then everything goes back.
        self.attendant.attend(tables, begin.elapsed());
        self.attendant.give_all(tables);
        while !self.attendant.is_empty() && since.elapsed() < LAST {
            self.attendant.attend(tables, begin.elapsed());
            std::thread::sleep(TURN);
        }
        let all = self.attendant.is_empty();
        let keeper = self.attendant.keeper();
        let node = keeper.node();
        // The lines say whose they are: leaving early with some still held is what a crash does.
        let left = keeper.store().leave(node);
        self.publish();
        all && left.is_ok()
    }
}
