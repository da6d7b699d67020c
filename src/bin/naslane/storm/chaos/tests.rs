//! Three nodes in this process: nothing is used twice, and a node that does things in the wrong order is caught.

use super::memory::hasty::Hasty;
use super::*;

fn plan(seed: u64, time: u64) -> Plan {
    Plan {
        seed,
        ues: 24,
        time: Duration::from_millis(time),
        ttl: Duration::from_millis(200),
        patience: Duration::from_millis(100),
        pause: Duration::from_millis(4),
        calm: false,
    }
}

#[test]
fn r13_chaos_uses_no_count_twice() {
    let plan = plan(u64::from(std::process::id()), 4000);
    let mut stage = InProcess::new(|wire: Wire| wire, plan.ttl, SESSIONS);
    let report = play(&plan, &mut stage, &|_, _| ()).unwrap();
    let text = report.text();
    assert_eq!(report.faults(), Vec::<String>::new(), "{text}");
    assert!(report.tally.takeovers.len() as u64 > plan.ues, "{text}");
    assert!(report.tally.replays_tried > 0, "{text}");
}

#[test]
fn publishing_before_storing_is_caught() {
    for seed in 1..20 {
        let plan = plan(seed, 3000);
        let mut stage = InProcess::new(Hasty::new, plan.ttl, SESSIONS);
        let report = play(&plan, &mut stage, &|_, _| ()).unwrap();
        if report.findings.reused > 0 {
            assert!(!report.good());
            return;
        }
    }
    panic!("the wrong order was not noticed");
}
