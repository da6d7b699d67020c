//! etcd over TLS, with certificates made on the spot: both sides show one.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use naslane::store::Store;
use naslane::store::etcd::Etcd;

use crate::cluster::Cluster;
use crate::common::engine;
use crate::node::{Node, etcd, keys, sections};

fn openssl(folder: &Path, args: &str) {
    let status = Command::new("openssl")
        .args(args.split_whitespace())
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("openssl is installed");
    assert!(status.success(), "openssl {args}");
}

const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

/// Two authorities; what etcd and a node have is of the first.
fn certificates(folder: &Path) {
    for ca in ["ca", "other"] {
        openssl(
            folder,
            &format!("req -x509 {KEY} -keyout {ca}.key -out {ca}.pem -days 30 -subj /CN={ca}"),
        );
    }
    let extensions = "basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth,clientAuth\n\
                      subjectAltName=IP:127.0.0.1\n";
    fs::write(folder.join("ext"), extensions).unwrap();
    for (number, name) in ["etcd", "node"].iter().enumerate() {
        openssl(
            folder,
            &format!("req {KEY} -keyout {name}.key -out {name}.csr -subj /CN={name}"),
        );
        openssl(
            folder,
            &format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -set_serial {} -days 30 -extfile ext -out {name}.pem",
                number + 1
            ),
        );
    }
}

#[test]
fn a_daemon_and_etcd_show_each_other_certificates() {
    let (keys, ues) = (keys("secure"), engine(2, 2));
    certificates(&keys);
    let cluster = Cluster::secure("secure", &keys);
    drop(cluster.open());
    let tls = format!(
        "{}ca_file = \"{1}/ca.pem\"\ncert_file = \"{1}/node.pem\"\nkey_file = \"{1}/node.key\"\n",
        etcd(&cluster),
        keys.display()
    );
    let mut a = Node::start("secure-a", &sections(&keys, &tls));
    a.becomes("200");
    let ue = a.register(&ues, 1);
    for _ in 0..40 {
        ue.talk(&mut a.queue, &ues);
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    a.give(ue.amf).unwrap();
    a.take(1, &[]).unwrap();

    // Without a certificate of its own, and with a cluster that the authority does not know, nothing is stored.
    let refused = |change: fn(&mut naslane::store::etcd::Tls, Vec<u8>)| {
        let mut config = cluster.config();
        config.timeout = std::time::Duration::from_secs(1);
        let other = fs::read(keys.join("other.pem")).unwrap();
        change(config.tls.as_mut().unwrap(), other);
        Etcd::connect(config).and_then(|mut store| store.incarnation())
    };
    assert!(refused(|tls, _| tls.identity = None).is_err());
    assert!(refused(|tls, other| tls.ca = other).is_err());
    assert!(refused(|tls, _| tls.name = Some("example.org".to_owned())).is_err());
    assert!(refused(|_, _| ()).is_ok());
    fs::remove_dir_all(&keys).unwrap();
}
