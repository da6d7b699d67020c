//! Clients and daemons that die, and daemons that are told to stop (R51): every job is accounted for.

use std::time::{Duration, Instant};

use naslane::base::Error;
use naslane::engine::job::{Job, op};
use naslane::security::Role;
use naslane::sidecar::connect;
use rustix::process::Signal;

use crate::child::{Actor, Stage};
use crate::common::{DOWNLINK, engine};
use crate::world::*;

/// A client with sessions and jobs that waits to be killed.
pub fn idle(stage: &Stage) {
    let client = connect(&stage.socket, "idle").unwrap();
    let mut queue = client.open_queue(64, 1 << 16).unwrap();
    let ue = engine(2, 2);
    let own = Subscriber::secured(&client, &mut queue, &ue, 5);
    own.talk(&mut queue, &ue);
    for tag in 0..20 {
        client.establish(Role::Amf, 1000 + tag).unwrap();
    }
    let jobs = [Job {
        in_len: 7,
        out_capacity: 64,
        out_offset: 0,
        ..job(op::PROTECT, own.amf)
    }; 64];
    queue.write(0, DOWNLINK).unwrap();
    let _ = queue.submit(&jobs);
    stage.say("ready");
    stage.hear();
}

fn settled(daemon: &Daemon, what: impl Fn(naslane::sidecar::protocol::Statistics) -> bool) {
    let client = daemon.connect("");
    let begin = Instant::now();
    while !what(client.statistics().unwrap()) {
        let figures = client.statistics().unwrap();
        assert!(begin.elapsed() < PATIENCE, "{figures:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_killed_client_leaves_nothing() {
    let mut daemon = Daemon::start("killed", "");
    let mut actor = Actor::start("idle", &daemon.socket);
    assert_eq!(actor.hear(), "ready");
    settled(&daemon, |figures| {
        figures.sessions == 21 && figures.queues == 1
    });
    actor.kill();
    settled(&daemon, |figures| {
        figures.sessions == 0 && figures.queues == 0
    });
    daemon.says("name \"idle\" is gone: 21 sessions released");
    daemon.is_well();
}

#[test]
fn sessions_of_a_killed_client_wait_for_its_name() {
    let keep = "[clients]\non_client_death = \"keep\"\n";
    let mut daemon = Daemon::start("keep", keep);
    let mut actor = Actor::start("idle", &daemon.socket);
    assert_eq!(actor.hear(), "ready");
    actor.kill();
    settled(&daemon, |figures| {
        figures.kept_sessions == 21 && figures.queues == 0
    });
    let stranger = daemon.connect("stranger");
    assert_eq!(stranger.welcome().kept, 0);
    let client = daemon.connect("idle");
    assert_eq!(client.welcome().kept, 21);
    let sessions = client.sessions().unwrap();
    let (amf, _) = *sessions.iter().find(|(_, tag)| *tag == 5).unwrap();
    assert_eq!(stranger.release(amf), Err(Error::Handle));
    // The session goes on above every COUNT that the dead client's jobs took.
    let mut queue = client.open_queue(8, 1 << 14).unwrap();
    let (done, _) = one(&mut queue, job(op::PROTECT, amf), DOWNLINK);
    assert_eq!(done.status, 0);
    assert!((2..=66).contains(&done.count), "{}", done.count);
    drop(client);
    daemon.says("wait for it");
    daemon.is_well();
}

#[test]
fn sessions_that_nobody_comes_back_for_are_released() {
    let keep = "[clients]\non_client_death = \"keep\"\nkeep_seconds = 1\n";
    let daemon = Daemon::start("patience", keep);
    let client = daemon.connect("once");
    client.establish(Role::Amf, 1).unwrap();
    drop(client);
    daemon.says("did not come back: 1 sessions released");
    settled(&daemon, |figures| figures.sessions == 0);
}

/// Jobs under way all the time, until the daemon is gone. Each comes back once, whatever became of it.
fn accounted(daemon: &mut Daemon, end: impl FnOnce(&mut Daemon)) -> Vec<i32> {
    let ue = engine(2, 2);
    let client = daemon.connect("");
    let mut queue = client.open_queue(64, 1 << 16).unwrap();
    let own: Vec<_> = (0..4)
        .map(|number| Subscriber::secured(&client, &mut queue, &ue, number))
        .collect();
    queue.write(0, DOWNLINK).unwrap();
    let (mut sent, mut back) = (Vec::new(), Vec::new());
    let mut statuses = Vec::new();
    let (begin, mut end) = (Instant::now(), Some(end));
    let mut next = 0_u64;
    loop {
        let over = !queue.is_open();
        let room = next..next + 16;
        let jobs: Vec<Job> = room
            .map(|number| Job {
                user_data: number,
                in_len: DOWNLINK.len() as u32,
                out_offset: 1024 + (number % 64) as u32 * 64,
                out_capacity: 64,
                ..job(op::PROTECT, own[number as usize % 4].amf)
            })
            .collect();
        let taken = if over { 0 } else { queue.submit(&jobs) };
        sent.extend(next..next + taken as u64);
        next += taken as u64;
        let mut done = [Job::default(); 64];
        let count = queue.reap(&mut done);
        back.extend(done[..count].iter().map(|job| job.user_data));
        statuses.extend(done[..count].iter().map(|job| job.status));
        if back.len() > 500
            && let Some(end) = end.take()
        {
            end(daemon);
        }
        if over && back.len() == sent.len() {
            break;
        }
        if count == 0 && taken == 0 {
            assert!(
                begin.elapsed() < PATIENCE,
                "{} of {} came back",
                back.len(),
                sent.len()
            );
            // What a sleeper sees: it is woken, by the daemon or by its end.
            let _ = queue.wait(Some(Duration::from_secs(5)));
        }
    }
    back.sort_unstable();
    assert_eq!(back, sent, "each job once");
    statuses
}

#[test]
fn r51_a_killed_daemon_takes_no_job_with_it() {
    let mut daemon = Daemon::start("dies", "");
    let statuses = accounted(&mut daemon, |daemon| daemon.signal(Signal::KILL));
    assert_eq!(daemon.end(), -9);
    let known = |status: &i32| [0, Error::Disconnected.code()].contains(status);
    assert!(statuses.iter().all(known), "{statuses:?}");
    // The same socket serves again.
    daemon.launch();
    daemon.is_well();
}

#[test]
fn r51_a_daemon_that_is_told_to_stop_completes_what_it_took() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut daemon = Daemon::start("stops", "");
        let statuses = accounted(&mut daemon, |daemon| daemon.signal(signal));
        assert_eq!(daemon.end(), 0, "{}", daemon.log());
        let known = [0, Error::Stopped.code(), Error::Disconnected.code()];
        assert!(
            statuses.iter().all(|status| known.contains(status)),
            "{statuses:?}"
        );
        daemon.says("stopped");
    }
}

#[test]
fn a_client_that_sleeps_sees_the_daemon_go() {
    let mut daemon = Daemon::start("asleep", "");
    let client = daemon.connect("");
    let queue = client.open_queue(8, 1 << 12).unwrap();
    let begin = Instant::now();
    let sleeper = std::thread::spawn(move || {
        let mut queue = queue;
        while queue.wait(Some(PATIENCE)).is_ok() && begin.elapsed() < PATIENCE {
            // A spurious wake-up is one; the end is told by submit or wait.
            if queue.submit(&[Job::default()]) == 0 {
                break;
            }
        }
    });
    std::thread::sleep(Duration::from_millis(100));
    daemon.signal(Signal::KILL);
    sleeper.join().unwrap();
    assert!(begin.elapsed() < PATIENCE / 2);
    assert_eq!(client.ping(), Err(Error::Disconnected));
    while !client.is_gone() {
        assert!(begin.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
    assert_eq!(connect(&daemon.socket, "").err(), Some(Error::Disconnected));
    let _ = daemon.end();
}
