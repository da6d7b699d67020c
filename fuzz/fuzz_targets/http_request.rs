//! Whatever arrives at the port of probes and Prometheus: an answer or a wait, never more than a request's size of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use naslane::base::metrics::Snapshot;
use naslane::sidecar::http::{Answer, LONGEST_HEAD, State, answer};

struct Idle;

impl State for Idle {
    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot::default()
    }
}

fuzz_target!(|octets: &[u8]| {
    // As the server reads: piece by piece, never beyond the longest head and one octet.
    let octets = &octets[..octets.len().min(LONGEST_HEAD + 1)];
    let half = answer(&octets[..octets.len() / 2], &Idle);
    let whole = answer(octets, &Idle);
    if let Answer::Reply(first) = &half {
        // What is answered early stays answered: more octets do not make another status of an error, and a whole
        // request stays whole.
        let Answer::Reply(then) = &whole else {
            panic!("an answer was taken back");
        };
        assert_eq!(first[..12], then[..12]);
    }
    match whole {
        Answer::More => assert!(octets.len() <= LONGEST_HEAD),
        Answer::Reply(reply) => {
            assert!(reply.starts_with(b"HTTP/1.1 "));
            assert!(reply.len() < 64 * 1024);
        }
    }
});
