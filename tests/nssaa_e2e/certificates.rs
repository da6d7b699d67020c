//! Certificates made on the spot: RSA and with the root in the chain, so that both flights of EAP-TLS need fragments.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Name in the AAA server's certificate.
pub(crate) const AAA: &str = "aaa.slice.example";

/// Where they lie; made once for all tests of the process.
pub(crate) fn directory() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("certificates-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        make(&directory);
        directory
    })
}

fn openssl(directory: &Path, args: &str) {
    let status = Command::new("openssl")
        .args(args.split_whitespace())
        .current_dir(directory)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("openssl is installed");
    assert!(status.success(), "openssl {args}");
}

fn make(directory: &Path) {
    let root = |name: &str| {
        openssl(
            directory,
            &format!(
                "req -x509 -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.pem -days 30 -subj /O=naslane/CN={name}"
            ),
        );
    };
    let leaf = |name: &str, by: &str, alternative: &str| {
        openssl(
            directory,
            &format!(
                "req -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr -subj /O=naslane/CN={name}"
            ),
        );
        let extensions = format!(
            "basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth,clientAuth\nsubjectAltName={alternative}\n"
        );
        fs::write(directory.join(format!("{name}.ext")), extensions).unwrap();
        openssl(
            directory,
            &format!(
                "x509 -req -in {name}.csr -CA {by}.pem -CAkey {by}.key -set_serial 0x{:x} -days 30 -extfile {name}.ext -out {name}.pem",
                name.len() * 1000 + usize::from(name.as_bytes()[0])
            ),
        );
        let chain = [name, by]
            .map(|part| fs::read_to_string(directory.join(format!("{part}.pem"))).unwrap());
        fs::write(directory.join(format!("{name}.chain.pem")), chain.concat()).unwrap();
    };
    root("root");
    root("other");
    leaf("aaa", "root", &format!("DNS:{AAA}"));
    leaf("ue", "root", "DNS:ue.slice.example");
    leaf("stranger", "other", "DNS:ue.slice.example");
    leaf("sbi", "root", "DNS:localhost,IP:127.0.0.1");
}
