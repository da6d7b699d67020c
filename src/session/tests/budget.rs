//! How much memory a session takes.

use super::*;
use crate::algorithm::Key;
use crate::kdf::NhChain;
use crate::procedure::smc::Half;
use crate::security::side::Side;
use crate::security::{Context, SidePool};

/// The budget of engine.md's million sessions on one host: 640 octets each, all told.
#[test]
#[allow(clippy::print_stdout)] // the figures, with --nocapture
fn session_memory_budget() {
    let table = table(1_000_000);
    let memory = table.memory();
    println!(
        "Key {}, Context {}, NhChain {}",
        size_of::<Key>(),
        size_of::<Context>(),
        size_of::<NhChain>()
    );
    println!(
        "UeSecurity {}, Half {}, Session {}",
        size_of::<UeSecurity>(),
        size_of::<Half>(),
        size_of::<Session>()
    );
    println!(
        "Side {}, SidePool {}",
        size_of::<Side>(),
        size_of::<SidePool>()
    );
    let each = |bytes: usize| bytes as f64 / memory.sessions as f64;
    println!(
        "slot {:.1}, keys {:.1}, free {:.1}",
        each(memory.slots),
        each(memory.keys),
        each(memory.free)
    );
    println!("per session {}", memory.per_session());
    assert!(memory.per_session() <= 640, "{}", memory.per_session());
}
