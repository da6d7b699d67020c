//! `naslane storm --nssaa`: many UEs at a time, each with two slices by EAP-TLS. `NSSAA_UES` makes it larger.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::aaa::{Aaa, directory};
use crate::certificates::{self, AAA};
use crate::nssaaf::{Nssaaf, Wanted};

/// Runs a storm; returns its report.
fn storm(nssaaf: &Nssaaf, ues: u64, engine: &str) -> Value {
    let at = directory("storm");
    let file = |name: &str| certificates::directory().join(name);
    let settings = format!(
        "nssaaf = \"{}\"\nslices = [\"1-000001\", \"2\"]\nidentity = \"tls@slice.example\"\nretry_seconds = 1\n\
         [tls]\ncertificate = {:?}\nkey = {:?}\ntrust = {:?}\nserver = \"{AAA}\"\n",
        nssaaf.root(),
        file("ue.chain.pem"),
        file("ue.key"),
        file("root.pem")
    );
    fs::write(at.join("storm.toml"), settings).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_naslane"))
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
        .arg(at.join("storm.toml"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let _ = fs::remove_dir_all(at);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success(), "{:#}", report["failures"]);
    report
}

#[test]
fn all_slices_of_all_ues() {
    let ues = std::env::var("NSSAA_UES").map_or(40, |ues| ues.parse().unwrap());
    let aaa = Aaa::server("1.3");
    let nssaaf = Nssaaf::start(&Wanted::of(&[aaa.address]));
    for engine in ["inline", "workers"] {
        let report = storm(&nssaaf, ues, engine);
        let slices = &report["slices"];
        eprintln!("{engine}: {slices}");
        assert_eq!(slices["succeeded"], 2 * ues);
        assert_eq!([&slices["failed"], &slices["pending"]], [0, 0]);
        assert_eq!(report["registrations"], ues);
        assert_eq!(report["failed"], 0);
    }
}
