//! Compiles the contestants that are C libraries. Intel's is for x86-64 only.

use std::path::Path;

/// Header, library, Debian package, files of ours, and whether this processor's architecture has it.
type Library = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

const OPENSSL: Library = ("openssl/evp.h", "crypto", "libssl-dev", &["c/openssl.c"]);
const IPSEC_MB: Library = (
    "intel-ipsec-mb.h",
    "IPSec_MB",
    "libipsec-mb-dev",
    &["c/ipsec_mb.c", "c/ipsec_mb_derive.c", "c/ipsec_mb_jobs.c"],
);

fn has(header: &str) -> bool {
    let probe = Path::new(&std::env::var_os("OUT_DIR").expect("cargo sets it")).join("probe.c");
    std::fs::write(&probe, format!("#include <{header}>\n")).expect("OUT_DIR can be written");
    let mut build = cc::Build::new();
    build
        .file(probe)
        .cargo_metadata(false)
        .cargo_warnings(false);
    build.try_expand().is_ok()
}

fn main() {
    println!("cargo:rerun-if-changed=c");
    println!("cargo:rustc-check-cfg=cfg(ipsec_mb)");
    let mut libraries = vec![OPENSSL];
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64") {
        println!("cargo:rustc-cfg=ipsec_mb");
        libraries.push(IPSEC_MB);
    }
    let missing: Vec<_> = libraries
        .iter()
        .filter(|library| !has(library.0))
        .map(|library| library.2)
        .collect();
    assert!(
        missing.is_empty(),
        "\n\nnaslane-peers needs Debian packages that are missing; type:\n    apt-get install {}\n",
        missing.join(" ")
    );
    let mut build = cc::Build::new();
    build
        .std("c11")
        .opt_level(2)
        .define("_GNU_SOURCE", None)
        .warnings(true)
        .extra_warnings(true);
    for library in &libraries {
        build.files(library.3);
    }
    build.compile("naslane_peers");
    for library in &libraries {
        println!("cargo:rustc-link-lib={}", library.1);
    }
}
