//! Faults that show in several messages of a UE: each is driven, and its counter goes up; what is in order counts
//! nothing.

use std::time::Instant;

use naslane::base::Error;
use naslane::engine::Engine;
use naslane::engine::Queue;
use naslane::engine::job::{SmcJob, event, op};
use naslane::procedure::smc::{Activation, Request};
use naslane::sidecar::Client;

use crate::common::{DOWNLINK, GPP, engine, identity};
use crate::scrape::Page;
use crate::world::*;

const CODES: [&str; 5] = [
    "SMC_LOOP",
    "CONTEXT_PINGPONG",
    "STALL_AFTER_COMPLETE",
    "RETRANSMISSION_STORM",
    "COUNT_DESYNC",
];

fn watched(name: &str, stall_seconds: u16) -> (Daemon, Page) {
    let page = Page::free();
    let daemon = Daemon::start(
        name,
        &format!(
            "[findings]\nstall_seconds = {stall_seconds}\nlog_seconds = 1\n[http]\nlisten = \"{}\"\n",
            page.address()
        ),
    );
    (daemon, page)
}

/// All findings, whatever their code.
fn sum(page: &Page) -> u64 {
    page.family("naslane_findings_total").values().sum()
}

fn count(page: &Page, code: &str) -> u64 {
    page.family("naslane_findings_total")[&format!("code=\"{code}\"")]
}

fn wait_for(page: &Page, code: &str, number: u64) {
    let begin = Instant::now();
    while count(page, code) < number {
        assert!(
            begin.elapsed() < PATIENCE,
            "{code} stays at {}",
            count(page, code)
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

struct Amf {
    client: Client,
    queue: Queue,
    ue: Engine,
}

impl Amf {
    fn new(daemon: &Daemon) -> Self {
        let client = daemon.connect("");
        let queue = client.open_queue(64, 1 << 16).unwrap();
        Self {
            client,
            queue,
            ue: engine(2, 2),
        }
    }

    fn secured(&mut self, number: u64) -> Subscriber {
        Subscriber::secured(&self.client, &mut self.queue, &self.ue, number)
    }

    /// A second context of the same UE, taken into use.
    fn again(&mut self, own: &Subscriber, number: u64, ksi: u8) {
        let identity = || identity(number, ksi);
        self.client.authenticated(own.amf, &identity()).unwrap();
        self.ue.authenticated(own.ue, identity()).unwrap();
        let order = SmcJob::default().write();
        let (done, command) = one(&mut self.queue, job(op::SMC_COMMAND, own.amf), &order);
        assert_eq!(done.status, 0);
        let complete = own.answer(&self.ue, &command);
        let (done, _) = one(&mut self.queue, job(op::VERIFY, own.amf), &complete);
        assert_eq!((done.status, done.event), (0, event::COMPLETED));
    }
}

#[test]
fn what_is_in_order_is_no_finding() {
    let (daemon, page) = watched("order", 1);
    let mut amf = Amf::new(&daemon);
    let all: Vec<_> = (0..8).map(|number| amf.secured(number)).collect();
    for round in 0..6 {
        for own in &all {
            own.talk(&mut amf.queue, &amf.ue);
            // A page, an update, a lost answer.
            for _ in 0..8 {
                let (sent, _) = one(&mut amf.queue, job(op::PROTECT, own.amf), DOWNLINK);
                assert_eq!(sent.status, 0);
            }
            let _ = own.uplink(&amf.ue); // lost on its way
            own.talk(&mut amf.queue, &amf.ue);
        }
        // A new authentication now and then, its context taken into use: COUNT begins at 0.
        if round % 3 == 2 {
            for (number, own) in all.iter().enumerate() {
                let fresh = 1000 + 10 * number as u64 + round;
                amf.again(own, fresh, 1 + (round / 3) as u8);
                own.talk(&mut amf.queue, &amf.ue);
            }
        }
    }
    for own in &all[..4] {
        amf.client.release(own.amf).unwrap();
    }
    // A session that is released right after its procedure does not stall.
    let gone = amf.secured(77);
    amf.client.release(gone.amf).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert_eq!(sum(&page), 0, "{:?}", page.family("naslane_findings_total"));
    assert!(!daemon.log().contains("finding"), "{}", daemon.log());
}

#[test]
fn each_fault_raises_its_counter() {
    let (daemon, page) = watched("faults", 1);
    let mut amf = Amf::new(&daemon);

    // SMC_LOOP, through the queue and through the control plane.
    let own = Subscriber::authenticated(&amf.client, &amf.ue, 1);
    let order = SmcJob::default().write();
    for by_verb in [false, true] {
        for _ in 0..6 {
            if by_verb {
                let mut out = [0; 400];
                let request = Request::new(GPP, Activation::Partial);
                amf.client.smc_command(own.amf, &request, &mut out).unwrap();
            } else {
                let (done, _) = one(&mut amf.queue, job(op::SMC_COMMAND, own.amf), &order);
                assert_eq!(done.status, 0);
            }
            let abort = naslane::procedure::smc::Event::Abort;
            amf.client.smc_event(own.amf, abort, &mut []).unwrap();
        }
    }
    // The sixth of one ngKSI and all after it.
    wait_for(&page, "SMC_LOOP", 7);

    // RETRANSMISSION_STORM: once for a storm, again after a message came.
    let own = amf.secured(2);
    for _ in 0..2 {
        for _ in 0..20 {
            let (done, _) = one(&mut amf.queue, job(op::PROTECT, own.amf), DOWNLINK);
            assert_eq!(done.status, 0);
        }
        let (done, _) = one(
            &mut amf.queue,
            job(op::VERIFY, own.amf),
            &own.uplink(&amf.ue),
        );
        assert_eq!(done.status, 0);
    }
    assert_eq!(count(&page, "RETRANSMISSION_STORM"), 2);

    // COUNT_DESYNC: the UE is 256 messages ahead of what arrived. Once for the row of failures.
    let own = amf.secured(3);
    own.talk(&mut amf.queue, &amf.ue);
    (0..256).for_each(|_| drop(own.uplink(&amf.ue)));
    for _ in 0..3 {
        let (done, _) = one(
            &mut amf.queue,
            job(op::VERIFY, own.amf),
            &own.uplink(&amf.ue),
        );
        assert_eq!(done.status, Error::Mac.code());
    }
    assert_eq!(count(&page, "COUNT_DESYNC"), 1);

    // STALL_AFTER_COMPLETE: those above spoke again; this one does not.
    assert_eq!(count(&page, "STALL_AFTER_COMPLETE"), 0);
    let _silent = amf.secured(4);
    wait_for(&page, "STALL_AFTER_COMPLETE", 1);

    // CONTEXT_PINGPONG: contexts take turns and no COUNT advances.
    let own = amf.secured(5);
    for turn in 0..4 {
        assert_eq!(count(&page, "CONTEXT_PINGPONG"), u64::from(turn > 2));
        amf.again(&own, 500 + u64::from(turn), 1 + turn % 2);
    }
    assert_eq!(count(&page, "CONTEXT_PINGPONG"), 1);

    for code in CODES {
        daemon.says(&format!("event=finding code={code} "));
    }
    assert_eq!(count(&page, "STALL_AFTER_COMPLETE"), 1, "told once");
    // One line for a code in a second at most.
    let lines = daemon.log().matches("code=SMC_LOOP").count();
    assert!(lines <= 3, "{}", daemon.log());
}
