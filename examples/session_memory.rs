//! What a million sessions really take: `cargo run --release --example session_memory -- [sessions]`.

#![allow(clippy::print_stdout)]

use naslane::algorithm::{Nea, Nia};
use naslane::base::NgKsi;
use naslane::kdf::KAmf;
use naslane::nas::UeSecurityCapability;
use naslane::security::{Algorithms, Identity, Role};
use naslane::session::{Table, TableConfig};
use std::time::Instant;

/// Resident set in octets, where the platform tells (Linux).
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sessions: usize = std::env::args()
        .nth(1)
        .map_or(Ok(1_000_000), |arg| arg.parse())?;
    let before = resident().unwrap_or(0);
    let table = Table::new(&TableConfig::new(sessions))?;
    println!("{:?}", table.memory());
    let ue_sec_cap = UeSecurityCapability::from_value(&[0xE0, 0xE0])?;
    let ng_ksi = NgKsi::mapped(0).ok_or("ngKSI")?;
    let algorithms = Algorithms {
        nea: Nea::Nea2,
        nia: Nia::Nia2,
    };
    let started = Instant::now();
    for i in 0..sessions as u64 {
        let handle = table.establish(Role::Amf)?;
        let mut k_amf = [0; 32];
        k_amf[..8].copy_from_slice(&i.to_be_bytes());
        let k_amf = KAmf::new(k_amf);
        let identity = Identity {
            k_amf,
            ng_ksi,
            ue_sec_cap,
            emergency: false,
        };
        // A mapped context is full at once: both AES schedules are there.
        table
            .lock(handle)?
            .security
            .mapped(identity, algorithms, table.resources())?;
    }
    let each = started.elapsed().as_nanos() / sessions as u128;
    println!("establish with a full context: {each} ns each");
    if let Some(after) = resident() {
        println!(
            "resident: {} octets a session",
            (after - before) / sessions as u64
        );
    }
    Ok(())
}
