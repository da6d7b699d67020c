//! `naslane storm --nssaa`: many UEs at a time, each with two slices by EAP-TLS. `NSSAA_UES` makes it larger:
//!
//! ```text
//! NSSAA_UES=1000 cargo test --test nssaa_e2e storm -- --nocapture
//! ```

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::aaa::{Aaa, directory, dying_with_us};
use crate::certificates::{self, AAA};
use crate::nssaaf::{Nssaaf, Wanted};
use crate::sidecar::Daemon;
use crate::world::PATIENCE;

/// A storm under way.
struct Storm {
    child: Child,
    directory: PathBuf,
}

impl Storm {
    fn start(nssaaf: &Nssaaf, ues: u64, engine: &str) -> Self {
        let directory = directory("storm");
        let file = |name: &str| certificates::directory().join(name);
        let settings = format!(
            "nssaaf = \"{}\"\nslices = [\"1-000001\", \"2\"]\nidentity = \"tls@slice.example\"\nretry_seconds = 1\n\
             [tls]\ncertificate = {:?}\nkey = {:?}\ntrust = {:?}\nserver = \"{AAA}\"\n",
            nssaaf.root(),
            file("ue.chain.pem"),
            file("ue.key"),
            file("root.pem")
        );
        fs::write(directory.join("storm.toml"), settings).unwrap();
        let child = dying_with_us(env!("CARGO_BIN_EXE_naslane"))
            .args([
                "storm",
                "--json",
                "--threads",
                "2",
                "--ues",
                &ues.to_string(),
                "--engine",
                engine,
                "--nssaa",
            ])
            .arg(directory.join("storm.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, directory }
    }

    /// Its report: every UE registered, every slice authenticated.
    fn all_well(mut self, ues: u64) -> Value {
        let mut said = String::new();
        let mut out = self.child.stdout.take().unwrap();
        out.read_to_string(&mut said).unwrap();
        let report: Value = serde_json::from_str(&said).unwrap();
        assert!(
            self.child.wait().unwrap().success(),
            "{:#}",
            report["failures"]
        );
        let slices = &report["slices"];
        assert_eq!(slices["succeeded"], 2 * ues);
        assert_eq!([&slices["failed"], &slices["pending"]], [0, 0]);
        assert_eq!(
            (&report["registrations"], &report["failed"]),
            (&ues.into(), &0.into())
        );
        slices.clone()
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn ues(few: u64) -> u64 {
    std::env::var("NSSAA_UES").map_or(few, |ues| ues.parse().unwrap())
}

#[test]
fn all_slices_of_all_ues() {
    let aaa = Aaa::server("1.3");
    let nssaaf = Nssaaf::start(&Wanted::of(&[aaa.address]));
    for engine in ["inline", "workers", "sidecar"] {
        let slices = Storm::start(&nssaaf, ues(30), engine).all_well(ues(30));
        eprintln!("{engine}: {slices}");
    }
}

fn come_so_far(nssaaf: &Nssaaf, rounds: u64) {
    let end = Instant::now() + PATIENCE;
    while nssaaf.rounds() < rounds {
        assert!(Instant::now() < end, "the storm does not come so far");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// NSSAAF and AAA server die in the middle and come back: whoever was under way is authenticated all the same.
fn killed_in_the_middle(engine: &str, ues: u64) {
    let mut aaa = Aaa::server("1.3");
    let mut nssaaf = Nssaaf::start(&Wanted::of(&[aaa.address]));
    let storm = Storm::start(&nssaaf, ues, engine);
    // A UE has some fourteen rounds with its two slices.
    come_so_far(&nssaaf, 2 * ues);
    nssaaf.kill();
    nssaaf.run();
    come_so_far(&nssaaf, 2 * ues);
    aaa.kill();
    aaa.run();
    eprintln!("{engine}, killed in the middle: {}", storm.all_well(ues));
}

/// As [`killed_in_the_middle`]; the sidecar asks the NSSAAF, and the storm never does.
#[test]
fn all_slices_through_a_sidecar_that_asks_although_nssaaf_and_aaa_server_are_killed() {
    let ues = ues(60);
    let mut aaa = Aaa::server("1.3");
    let mut nssaaf = Nssaaf::start(&Wanted::of(&[aaa.address]));
    let daemon = Daemon::asking(&nssaaf.root(), "", "");
    let storm = Storm::start(
        &nssaaf,
        ues,
        &format!("sidecar={}", daemon.socket.display()),
    );
    come_so_far(&nssaaf, 2 * ues);
    nssaaf.kill();
    nssaaf.run();
    come_so_far(&nssaaf, 2 * ues);
    aaa.kill();
    aaa.run();
    eprintln!("hosted, killed in the middle: {}", storm.all_well(ues));
    let name = "naslane_nssaa_answers_total{outcome=\"success\"}";
    daemon.until_metric(name, |number| number == 2 * ues);
}

#[test]
fn all_slices_although_nssaaf_and_aaa_server_are_killed() {
    killed_in_the_middle("inline", ues(50));
}

#[test]
fn all_slices_through_the_sidecar_although_nssaaf_and_aaa_server_are_killed() {
    killed_in_the_middle("sidecar", ues(100));
}
