//! etcd with authentication: a user who may read and write the keys of its set, and nothing else.

use std::fs;
use std::process::{Command, Stdio};

use naslane::base::Error;

use crate::cluster::{Cluster, MEMBERS};
use crate::common::engine;
use crate::node::{Node, etcd, keys, sections};
use crate::world::program;

const PASSWORD: &str = "correct horse: battery";

/// Etcd's own program; as root once authentication is on.
fn etcdctl(cluster: &Cluster, root: bool, args: &[&str]) {
    let mut command = Command::new("etcdctl");
    command
        .env("ETCDCTL_API", "3")
        .arg(format!("--endpoints={}", cluster.address(0)))
        .stdout(Stdio::null());
    if root {
        command.arg("--user=root:root");
    }
    let status = command
        .args(args)
        .status()
        .expect("etcdctl (Debian: etcd-client)");
    assert!(status.success(), "etcdctl {args:?}");
}

#[test]
fn a_daemon_signs_in_and_stays_signed_in() {
    let mut cluster = Cluster::start("users");
    drop(cluster.open());
    for args in [
        &["user", "add", "root:root"][..],
        &["user", "grant-role", "root", "root"],
        &["role", "add", "naslane"],
        &[
            "role",
            "grant-permission",
            "naslane",
            "--prefix=true",
            "readwrite",
            "naslane/",
        ],
        &["user", "add", &format!("amf:{PASSWORD}")],
        &["user", "grant-role", "amf", "naslane"],
        &["user", "add", "stranger:stranger"],
        &["auth", "enable"],
    ] {
        etcdctl(&cluster, false, args);
    }
    let (keys, ues) = (keys("users"), engine(2, 2));
    let (password, wrong) = (keys.join("password"), keys.join("wrong"));
    fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    fs::write(&wrong, "stranger").unwrap();
    let user = |name: &str, password: &std::path::Path| {
        let user = format!(
            "user = \"{name}\"\npassword = \"file:{}\"\n",
            password.display()
        );
        sections(&keys, &format!("{}{user}", etcd(&cluster)))
    };
    let mut a = Node::start("users-a", &user("amf", &password));
    a.becomes("200");
    let ue = a.register(&ues, 1);
    ue.talk(&mut a.queue, &ues);
    a.settles();
    assert!(!a.daemon.log().contains("horse"), "{}", a.daemon.log());

    // No user, a wrong password, a user without rights, a password that cannot be read: it does not start.
    let nobody = sections(&keys, &etcd(&cluster));
    for (settings, hint) in [
        (nobody, "refuses"),
        (user("amf", &wrong), "user, password"),
        (user("stranger", &wrong), "refuses"),
        (user("amf", &keys.join("nothing")), "cannot be read"),
    ] {
        let config = keys.join("other.toml");
        let socket = keys.join("other");
        let text = format!("socket = {socket:?}\n{settings}[hardening]\nlock_memory = \"try\"\n");
        fs::write(&config, text).unwrap();
        let said = program(&config).output().unwrap();
        let log = String::from_utf8_lossy(&said.stderr).into_owned();
        assert_eq!(said.status.code(), Some(2), "{log}");
        assert!(log.contains("[store]") && log.contains(hint), "{log}");
        assert!(!log.contains("horse"), "{log}");
    }

    // The environment will do as well as a file. A token of before a change of users is taken for none.
    let from_env =
        user("amf", &password).replace(&format!("file:{}", password.display()), "env:SET_PASSWORD");
    assert!(from_env.contains("env:SET_PASSWORD"));
    let refusals = a.metric("naslane_store_refused_total ");
    etcdctl(&cluster, true, &["user", "add", "another:another"]);
    for _ in 0..80 {
        ue.talk(&mut a.queue, &ues);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    println!(
        "{} requests refused meanwhile",
        a.metric("naslane_store_refused_total ") - refusals
    );

    // Members that were restarted know no token of before.
    a.daemon.says("seccomp active");
    (0..MEMBERS).for_each(|n| cluster.kill(n));
    a.becomes("503");
    (0..MEMBERS).for_each(|n| cluster.run(n));
    a.becomes("200");
    for _ in 0..80 {
        let (status, heard) = a.downlink(&ues, &ue);
        assert!(
            heard.is_some() || status == Error::LeaseExhausted as i32,
            "{status}"
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let (status, heard) = a.downlink(&ues, &ue);
    assert!(status == 0 && heard.is_some(), "{status}");
    a.give(ue.amf).unwrap();
    a.take(1, &[]).unwrap();
    fs::remove_dir_all(keys).unwrap();
}
