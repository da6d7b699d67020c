//! An AMF half with its runner and UE halves with their peers, all over protected NAS messages.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use naslane::base::AccessType;
use naslane::engine::Engine;
use naslane::nas::MessageType;
use naslane::nas::nssaa::{SNssai, SliceLists};
use naslane::nssaaf::consumer::Consumer;
use naslane::nssaaf::eap::{Credentials, Reply};
use naslane::nssaaf::runner::{Runner, Todo};
use naslane::nssaaf::ue::{Account, Heard, Subscriber};
use naslane::procedure::nssaa::{
    Event, NssaaSettings, Registration, Status, Subscribed, Subscription,
};
use naslane::session::Handle;

use crate::common::{GPP, Pair, engine};
use crate::world::{PATIENCE, consumer};

/// What happened to one UE, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// RESULT at the UE: the slice, and whether network and peer both say success.
    Result(SNssai, bool),
    /// CONFIGURATION UPDATE COMMAND: Allowed, and Rejected with causes.
    Update(Vec<SNssai>, Vec<(SNssai, u8)>),
    /// DEREGISTRATION REQUEST: Rejected with causes, and the 5GMM cause.
    Deregistered(Vec<(SNssai, u8)>, Option<u8>),
    /// The AMF is to release the PDU sessions of a slice.
    Release(SNssai),
}

/// The slices that are allowed after what was seen.
pub(crate) fn allowed(seen: &[Seen]) -> Vec<SNssai> {
    let mut updates = seen.iter().rev().filter_map(|one| match one {
        Seen::Update(allowed, _) => Some(allowed.clone()),
        _ => None,
    });
    updates.next().unwrap_or_default()
}

/// What the AMF was told to do, to be carried out after the runner's call.
enum Order {
    Pdu(Handle, AccessType, Vec<u8>),
    Release(Handle, SNssai),
}

pub(crate) struct Network {
    pub(crate) amf: Engine,
    pub(crate) runner: Runner,
    ues: HashMap<Handle, (Subscriber, Vec<Seen>)>,
    /// How many COMPLETEs went through.
    pub(crate) completes: usize,
}

fn order(orders: &mut Vec<Order>) -> impl FnMut(Handle, Todo<'_>) {
    |handle, todo| match todo {
        Todo::Send { access, pdu, .. } => orders.push(Order::Pdu(handle, access, pdu.to_vec())),
        Todo::ReleaseSessions(slice) => orders.push(Order::Release(handle, slice.hplmn())),
        Todo::Reach(access) => panic!("{access:?} is connected"),
        Todo::Stuck(error) => panic!("{error:?}"),
    }
}

impl Network {
    pub(crate) fn new(root: &str) -> Self {
        Self::with(consumer(root))
    }

    pub(crate) fn with(consumer: Consumer) -> Self {
        let amf = engine(2, 2);
        let settings = NssaaSettings {
            retry_seconds: 1,
            ..NssaaSettings::default()
        };
        amf.nssaa_configure(settings).unwrap();
        Self {
            amf,
            runner: Runner::new(consumer),
            ues: HashMap::new(),
            completes: 0,
        }
    }

    /// A UE that is registered and has these accounts; all its slices are subject to NSSAA, one is a default one.
    pub(crate) fn join(
        &mut self,
        number: u64,
        accounts: &[(SNssai, &str, &Credentials)],
    ) -> Handle {
        let pair = Pair::secured(&self.amf, number);
        let gpsi = format!("msisdn-{}", 491_700_000_000 + number);
        let slices: Vec<Subscribed> = accounts
            .iter()
            .map(|(s_nssai, ..)| subscribed(*s_nssai))
            .collect();
        let subscription = Subscription {
            gpsis: &[&gpsi],
            slices: &slices,
        };
        self.amf.nssaa_subscribe(pair.amf, &subscription).unwrap();
        let asked: Vec<_> = slices.iter().map(|s| s.slice).collect();
        let registration = Registration {
            access: GPP,
            asked: &asked,
            nssaa_supported: true,
            extended_rejected: false,
        };
        let admission = self.amf.nssaa_register(pair.amf, &registration).unwrap();
        assert_eq!(
            (admission.allowed.len(), admission.pending.len()),
            (0, slices.len())
        );
        let mut subscriber = Subscriber::new(pair.ue);
        for (s_nssai, identity, credentials) in accounts {
            let account = Account {
                identity: (*identity).to_owned(),
                credentials: (*credentials).clone(),
            };
            subscriber.set(*s_nssai, account);
        }
        self.ues.insert(pair.amf, (subscriber, Vec::new()));
        self.runner.watch(&self.amf, pair.amf).unwrap();
        self.amf
            .nssaa_event(pair.amf, Event::Registered(GPP))
            .unwrap();
        let mut orders = Vec::new();
        self.runner
            .drive(&self.amf, pair.amf, &mut order(&mut orders));
        self.carry_out(orders);
        pair.amf
    }

    /// Another account from now on.
    pub(crate) fn set(
        &mut self,
        handle: Handle,
        s_nssai: SNssai,
        identity: &str,
        credentials: &Credentials,
    ) {
        let account = Account {
            identity: identity.to_owned(),
            credentials: credentials.clone(),
        };
        self.ues.get_mut(&handle).unwrap().0.set(s_nssai, account);
    }

    /// One turn of the runner, and all that follows from it.
    pub(crate) fn turn(&mut self, patience: Duration) {
        let mut orders = Vec::new();
        self.runner
            .turn(&self.amf, patience, &mut order(&mut orders));
        self.carry_out(orders);
    }

    fn carry_out(&mut self, mut orders: Vec<Order>) {
        while !orders.is_empty() {
            let mut more = Vec::new();
            for one in orders {
                match one {
                    Order::Release(handle, s_nssai) => {
                        self.ues
                            .get_mut(&handle)
                            .unwrap()
                            .1
                            .push(Seen::Release(s_nssai));
                    }
                    Order::Pdu(handle, access, pdu) => {
                        let Some(complete) = self.deliver(handle, access, &pdu) else {
                            continue;
                        };
                        self.completes += 1;
                        let mut out = vec![0; complete.len()];
                        let uplink = self.amf.nssaa_uplink(handle, access, &complete, &mut out);
                        assert_eq!(uplink.procedure, Some(Ok(())));
                        self.runner.drive(&self.amf, handle, &mut order(&mut more));
                    }
                }
            }
            orders = more;
        }
    }

    /// A PDU at the UE; returns its COMPLETE.
    fn deliver(&mut self, handle: Handle, access: AccessType, pdu: &[u8]) -> Option<Vec<u8>> {
        let (subscriber, seen) = self.ues.get_mut(&handle).unwrap();
        hear(&self.amf, subscriber, (access, pdu), seen)
    }

    /// Turns until this holds.
    pub(crate) fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(
                Instant::now() < end,
                "never: {what}; {:?}",
                self.runner.consumer().counts()
            );
            self.turn(Duration::from_millis(20));
        }
    }

    pub(crate) fn status(&self, handle: Handle, s_nssai: SNssai) -> Option<Status> {
        self.amf.nssaa_status(handle, s_nssai).unwrap()
    }

    pub(crate) fn settled(&self, handle: Handle) -> bool {
        self.amf.nssaa_state(handle).unwrap().settled
    }

    /// What was seen since the last call.
    pub(crate) fn seen(&mut self, handle: Handle) -> Vec<Seen> {
        std::mem::take(&mut self.ues.get_mut(&handle).unwrap().1)
    }

    /// Turns until the procedure has nothing more to do for this UE.
    pub(crate) fn settle(&mut self, handle: Handle) -> Vec<Seen> {
        self.until("settled", |network| network.settled(handle));
        self.seen(handle)
    }
}

/// A PDU at the UE, whose half is in this engine; returns its COMPLETE.
pub(crate) fn hear(
    ues: &Engine,
    subscriber: &mut Subscriber,
    (access, pdu): (AccessType, &[u8]),
    seen: &mut Vec<Seen>,
) -> Option<Vec<u8>> {
    match subscriber.hear(ues, access, pdu).unwrap() {
        Heard::Complete(pdu) => return Some(pdu),
        Heard::Nothing => (),
        Heard::Result {
            s_nssai,
            success,
            peer,
        } => {
            // Where the AAA server refused without EAP, the peer was in no conversation that could end.
            let agreed = peer.is_none_or(|peer| (peer == Reply::Success) == success);
            assert!(agreed, "network and UE disagree");
            seen.push(Seen::Result(s_nssai, success));
        }
        Heard::Other(message, plain) => {
            let lists = SliceLists::of(&plain).unwrap();
            let allowed = lists
                .allowed
                .into_iter()
                .flatten()
                .map(|slice| slice.unwrap().hplmn())
                .collect();
            let rejected = lists.rejected.into_iter().flatten().map(Result::unwrap);
            let rejected = rejected
                .map(|one| (one.slice.hplmn(), one.cause.0))
                .collect();
            if message == MessageType::DEREGISTRATION_REQUEST_NETWORK {
                seen.push(Seen::Deregistered(
                    rejected,
                    lists.cause.map(|cause| cause.0),
                ));
            } else {
                seen.push(Seen::Update(allowed, rejected));
            }
        }
    }
    None
}

/// All these slices are subject to NSSAA.
pub(crate) fn subscribed(s_nssai: SNssai) -> Subscribed {
    Subscribed {
        slice: s_nssai.into(),
        nssaa: true,
        default: false,
    }
}
