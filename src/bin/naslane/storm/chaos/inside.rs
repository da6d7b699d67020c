//! Nodes in this process: engines with tables and attendants of their own on one store in memory. A node is killed by
//! leaving it: nothing is given back, its leases stay as they are.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use naslane::base::{Error, Result};
use naslane::engine::{Config, Engine, Received};
use naslane::procedure::smc::{Action, Activation, Ending, Event, Policy, Request};
use naslane::security::{Identity, Role};
use naslane::session::attend::{Attendant, Names, Taken};
use naslane::session::{Handle, Journal};
use naslane::store::keeper::{Keeper, KeeperConfig};
use naslane::store::lease::Uplink;
use naslane::store::{KeyRing, NodeName, PrintKey, SessionName, Store};

use super::node::{Node, Verified};
use super::ue::GPP;

/// Room for a message of either direction.
const ROOM: usize = 512;
/// Pause between two looks of an attendant at its sessions.
const TURN: Duration = Duration::from_millis(2);

/// Stands still or goes on, for every call of a node.
#[derive(Default)]
struct Gate(Mutex<bool>, Condvar);

impl Gate {
    fn set(&self, closed: bool) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = closed;
        self.1.notify_all();
    }

    fn pass(&self) {
        let mut closed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while *closed {
            closed = self.1.wait(closed).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// An engine whose leases an attendant keeps.
pub(super) struct Inside<S> {
    engine: Engine,
    attendant: Mutex<Attendant<S>>,
    names: Arc<Names>,
    gate: Gate,
    dead: AtomicBool,
}

impl<S: Store + 'static> Inside<S> {
    /// Begins a node on a store, and its attendant's thread.
    ///
    /// # Errors
    /// A sentence.
    pub(super) fn start(
        store: S,
        (name, ttl): (NodeName, Duration),
        sessions: usize,
    ) -> std::result::Result<Arc<Self>, String> {
        let text = |error: Error| format!("a node does not start: {error}");
        let mut config = Config::for_sessions(sessions);
        config.smc.policy = Policy::from_ids(&[2], &[2]).map_err(text)?;
        // All nodes of the set have the same.
        let (prints, ring) = (PrintKey::new([9; 32]), KeyRing::single(1, [5; 32]));
        let keys = Arc::new(config.key_memory(1).keyed(prints.clone()));
        let journal = Journal::in_memory(sessions);
        let engine = Engine::with_journal(&config, keys, Some(journal)).map_err(text)?;
        let config = KeeperConfig {
            node: name,
            ttl,
            uplink: Uplink::AfterRekey,
        };
        let keeper = Keeper::new(store, config).map_err(|why| why.to_string())?;
        let attendant = Attendant::new(&[engine.table()], keeper, ring, prints).map_err(text)?;
        let node = Arc::new(Self {
            engine,
            names: Arc::clone(attendant.names()),
            attendant: Mutex::new(attendant),
            gate: Gate::default(),
            dead: AtomicBool::new(false),
        });
        let own = Arc::downgrade(&node);
        let begin = Instant::now();
        let attend = move || {
            while let Some(node) = own.upgrade().filter(|node| node.lives().is_ok()) {
                let tables = [node.engine.table()];
                node.attendant().attend(&tables, begin.elapsed());
                drop(node);
                std::thread::sleep(TURN);
            }
        };
        let thread = std::thread::Builder::new().spawn(attend);
        thread.map_err(|why| why.to_string())?;
        Ok(node)
    }

    fn attendant(&self) -> MutexGuard<'_, Attendant<S>> {
        self.attendant
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing that it does from now on is seen by anybody.
    pub(super) fn kill(&self) {
        self.dead.store(true, Ordering::Release);
        self.gate.set(false);
    }

    pub(super) fn stop(&self, stopped: bool) {
        self.gate.set(stopped);
    }

    /// Waits while the node stands still.
    fn lives(&self) -> Result<()> {
        self.gate.pass();
        if self.dead.load(Ordering::Acquire) {
            Err(Error::Disconnected)
        } else {
            Ok(())
        }
    }

    /// One verb: a node that stands still does so before and after, one that is dead says nothing.
    fn at<T>(&self, verb: impl FnOnce(&Engine) -> Result<T>) -> Result<T> {
        self.lives()?;
        let answer = verb(&self.engine);
        self.lives()?;
        answer
    }
}

/// A name as the store knows it.
fn session_name(name: &[u8]) -> SessionName {
    let mut octets = [0; 16];
    let len = name.len().min(16);
    octets[..len].copy_from_slice(&name[..len]);
    SessionName(octets)
}

/// What a verb wrote.
pub(super) fn written(write: impl FnOnce(&mut [u8]) -> Result<usize>) -> Result<Vec<u8>> {
    let mut out = vec![0; ROOM];
    let len = write(&mut out)?;
    out.truncate(len);
    Ok(out)
}

/// What a verb found in an uplink message.
pub(super) fn verified(verify: impl FnOnce(&mut [u8]) -> Received, len: usize) -> Result<Verified> {
    let mut plain = vec![0; len];
    let received = verify(&mut plain);
    received.verdict.result?;
    plain.truncate(received.verdict.len);
    let ending = received.procedure.map(|outcome| outcome.ending);
    Ok(Verified {
        plain,
        completed: ending == Some(Ending::Completed),
    })
}

impl<S: Store + 'static> Node for Inside<S> {
    fn establish(&self, name: &[u8]) -> Result<Handle> {
        self.at(|engine| {
            let handle = engine.establish(Role::Amf)?;
            self.names.set(handle, session_name(name))?;
            Ok(handle)
        })
    }

    fn authenticated(&self, handle: Handle, identity: Identity) -> Result<()> {
        self.at(|engine| engine.authenticated(handle, identity))
    }

    fn command(&self, handle: Handle) -> Result<Vec<u8>> {
        let request = Request::new(GPP, Activation::Partial);
        self.at(|engine| written(|out| Ok(engine.smc_command(handle, &request, out)?.len)))
    }

    fn resend(&self, handle: Handle) -> Result<Vec<u8>> {
        self.at(|engine| {
            written(
                |out| match engine.smc_event(handle, Event::T3560Expired, out)? {
                    Action::Resend(sent) => Ok(sent.len),
                    Action::Ended(_) => Err(Error::Timeout),
                },
            )
        })
    }

    fn abort(&self, handle: Handle) {
        // None may be under way.
        let _ = self.at(|engine| engine.smc_event(handle, Event::Abort, &mut []));
    }

    fn protect(&self, handle: Handle, plain: &[u8]) -> Result<Vec<u8>> {
        self.at(|engine| written(|out| Ok(engine.protect(handle, GPP, plain, out)?.len)))
    }

    fn verify(&self, handle: Handle, pdu: &[u8]) -> Result<Verified> {
        self.at(|engine| verified(|plain| engine.verify(handle, GPP, pdu, plain), pdu.len()))
    }

    fn take(&self, name: &[u8]) -> Result<Handle> {
        let name = session_name(name);
        self.at(|engine| {
            let mut attendant = self.attendant();
            if let Some(handle) = self.names.find(name) {
                if !attendant.gives(handle) {
                    return Ok(handle);
                }
                if attendant.keeps(handle) {
                    return Err(Error::Busy);
                }
                // It was given, and nobody came to hear that.
                attendant.given_away(handle);
                engine.release(handle)?;
            }
            match attendant.take_over(&[engine.table()], name)? {
                Taken::Waiting => Err(Error::Busy),
                Taken::Here(handle) => Ok(handle),
            }
        })
    }

    fn give(&self, handle: Handle) -> Result<()> {
        self.at(|engine| {
            let mut attendant = self.attendant();
            if !attendant.gives(handle) {
                attendant.give(&[engine.table()], handle)?;
            }
            if attendant.keeps(handle) {
                return Err(Error::Busy);
            }
            attendant.given_away(handle);
            drop(attendant);
            engine.release(handle)
        })
    }

    fn release(&self, handle: Handle) -> Result<()> {
        self.at(|engine| {
            engine.release(handle)?;
            self.attendant().released(handle);
            Ok(())
        })
    }
}
