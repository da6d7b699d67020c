//! Network namespaces, with util-linux and iproute2. The program runs again in one of its own, where the store is; each
//! node has one with a cable to it. None has a name, so that nothing is left when the processes are gone, however they
//! went.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use super::schedule::NODES;

/// Says to the program that it has a namespace of its own.
const INSIDE: &str = "NASLANE_CHAOS_INSIDE";

/// A command whose process dies with the thread that starts it.
pub(super) fn dying_with_parent(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// Runs a command to its end.
///
/// # Errors
/// What it said.
pub(super) fn run(words: &[&str]) -> Result<(), String> {
    let text = words.join(" ");
    let (program, arguments) = words.split_first().ok_or("no command")?;
    let out = Command::new(program).args(arguments).output();
    let out = out.map_err(|why| format!("{text}: {why}; Debian: iproute2, util-linux"))?;
    if out.status.success() {
        Ok(())
    } else {
        let said = String::from_utf8_lossy(&out.stderr);
        Err(format!("{text}: {}", said.trim()))
    }
}

/// Begins this program anew in a network namespace of its own, unless it is in one.
///
/// # Errors
/// A sentence with the remedy; otherwise it does not return.
pub(super) fn enter() -> Result<(), String> {
    if std::env::var_os(INSIDE).is_some() {
        return run(&["ip", "link", "set", "lo", "up"]);
    }
    let program = std::env::current_exe().map_err(|why| why.to_string())?;
    run(&["unshare", "--net", "true"])
        .map_err(|why| format!("{why}: network namespaces need root; or give --in-process"))?;
    let why = Command::new("unshare")
        .args(["--net", "--"])
        .arg(program)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .exec();
    Err(format!("unshare: {why}"))
}

/// A namespace of each node, with a cable to that of this process.
pub(super) struct Network {
    /// They do nothing; the namespaces are theirs.
    holders: Vec<Child>,
}

impl Network {
    pub(super) fn new() -> Result<Self, String> {
        let mut network = Self {
            holders: Vec::with_capacity(NODES),
        };
        for node in 0..NODES {
            let holder = dying_with_parent("unshare")
                .args(["--net", "--", "sleep", "infinity"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .map_err(|why| format!("setpriv: {why}; Debian: util-linux"))?;
            network.holders.push(holder);
            network.connect(node)?;
        }
        Ok(network)
    }

    fn connect(&self, node: usize) -> Result<(), String> {
        let holder = self.holders[node].id().to_string();
        self.wait_for(node)?;
        let (own, theirs) = (format!("node{node}"), format!("10.213.{node}.2/30"));
        run(&[
            "ip", "link", "add", &own, "type", "veth", "peer", "name", "store", "netns", &holder,
        ])?;
        run(&[
            "ip",
            "addr",
            "add",
            &format!("10.213.{node}.1/30"),
            "dev",
            &own,
        ])?;
        run(&["ip", "link", "set", &own, "up"])?;
        let gateway = format!("10.213.{node}.1");
        for words in [
            &["addr", "add", &theirs, "dev", "store"][..],
            &["link", "set", "store", "up"],
            &["link", "set", "lo", "up"],
            &["route", "add", "default", "via", &gateway],
        ] {
            let there = ["nsenter", "--net", "-t", &holder, "ip"];
            run(&[&there, words].concat())?;
        }
        Ok(())
    }

    /// Until the holder has a namespace of its own.
    fn wait_for(&self, node: usize) -> Result<(), String> {
        let path = |who: &str| std::fs::read_link(format!("/proc/{who}/ns/net"));
        let own = path("self").map_err(|why| why.to_string())?;
        let holder = self.holders[node].id().to_string();
        loop {
            let there = path(&holder).map_err(|why| format!("a namespace: {why}"))?;
            if there != own {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }

    /// A command in a node's namespace, whose process dies with the thread that starts it.
    pub(super) fn command(&self, node: usize, program: &std::path::Path) -> Command {
        let mut command = Command::new("nsenter");
        let net = format!("--net=/proc/{}/ns/net", self.holders[node].id());
        command.args([&net, "setpriv", "--pdeathsig", "KILL", "--"]);
        command.arg(program);
        command
    }

    /// Pulls a node's cable, or plugs it in again.
    pub(super) fn cut(&self, node: usize, cut: bool) -> Result<(), String> {
        let state = if cut { "down" } else { "up" };
        run(&["ip", "link", "set", &format!("node{node}"), state])
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for holder in &mut self.holders {
            let _ = holder.kill();
            let _ = holder.wait();
        }
    }
}
