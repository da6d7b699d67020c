//! Three members of etcd in the network namespace of this process, and a look at them over their HTTP side.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use naslane::store::NodeName;
use serde_json::Value;

use super::network::{dying_with_parent, run};
use super::schedule::MEMBERS;
use super::stage::Present;

const CLIENTS: u16 = 2379;
const PEERS: u16 = 2380;
/// Longest wait for a look at a member.
const LOOK: Duration = Duration::from_millis(250);
/// Entries of one AMF set.
pub(super) const PREFIX: &str = "chaos";

/// Address of a member, in the namespace where the store is.
const fn address(member: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 213, 200, 1 + member as u8)
}

/// Where the clients of all members turn to.
pub(super) fn endpoints() -> Vec<String> {
    let url = |member| format!("http://{}:{CLIENTS}", address(member));
    (0..MEMBERS).map(url).collect()
}

pub(super) struct Cluster {
    folder: PathBuf,
    members: [Option<Child>; MEMBERS],
}

impl Cluster {
    /// Starts all members with their data in a folder.
    pub(super) fn start(folder: &Path) -> Result<Self, String> {
        let mut cluster = Self {
            folder: folder.to_owned(),
            members: [const { None }; MEMBERS],
        };
        for member in 0..MEMBERS {
            run(&[
                "ip",
                "addr",
                "add",
                &format!("{}/32", address(member)),
                "dev",
                "lo",
            ])?;
            cluster.begin(member)?;
        }
        Ok(cluster)
    }

    pub(super) fn begin(&mut self, member: usize) -> Result<(), String> {
        let peer = |m: usize| format!("m{m}=http://{}:{PEERS}", address(m));
        let own = format!("http://{}:{PEERS}", address(member));
        let clients = format!("http://{}:{CLIENTS}", address(member));
        let all = (0..MEMBERS).map(peer).collect::<Vec<_>>().join(",");
        let child = dying_with_parent("etcd")
            .arg("--name")
            .arg(format!("m{member}"))
            .arg("--data-dir")
            .arg(self.data(member))
            .args([
                "--listen-client-urls",
                &clients,
                "--advertise-client-urls",
                &clients,
            ])
            .args([
                "--listen-peer-urls",
                &own,
                "--initial-advertise-peer-urls",
                &own,
            ])
            .args([
                "--initial-cluster",
                &all,
                "--initial-cluster-token",
                "naslane-chaos",
            ])
            .args(["--heartbeat-interval", "50", "--election-timeout", "500"])
            .args(["--log-level", "error"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|why| format!("etcd does not start: {why}; Debian: etcd-server"))?;
        self.members[member] = Some(child);
        Ok(())
    }

    pub(super) fn kill(&mut self, member: usize) {
        if let Some(mut child) = self.members[member].take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn data(&self, member: usize) -> PathBuf {
        self.folder.join(format!("member-{member}"))
    }

    /// The member that leads, by what the members say of themselves.
    pub(super) fn leader() -> Option<usize> {
        let leads = |member: &usize| {
            ask(*member, "GET /metrics", "").is_some_and(|said| {
                let mut lines = said.lines();
                lines.any(|line| line == "etcd_server_is_leader 1")
            })
        };
        (0..MEMBERS).find(leads)
    }

    /// Copies the members' data, which must not run.
    pub(super) fn keep(&self) -> Result<(), String> {
        self.copy("member", "kept")
    }

    /// Puts the members' data back as it was, under the same identity: what was acknowledged since is forgotten.
    pub(super) fn forget(&self) -> Result<(), String> {
        self.copy("kept", "member")
    }

    fn copy(&self, from: &str, to: &str) -> Result<(), String> {
        for member in 0..MEMBERS {
            let path = |name: &str| self.folder.join(format!("{name}-{member}"));
            let (from, to) = (path(from), path(to));
            let _ = std::fs::remove_dir_all(&to);
            let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
            if !copied.is_ok_and(|status| status.success()) {
                return Err("the store's data cannot be copied".to_owned());
            }
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for member in 0..MEMBERS {
            self.kill(member);
        }
    }
}

/// One exchange over HTTP/1.0; `None` for anything but 200.
fn ask(member: usize, line: &str, body: &str) -> Option<String> {
    let to = SocketAddr::from((address(member), CLIENTS));
    let mut stream = TcpStream::connect_timeout(&to, LOOK).ok()?;
    stream.set_read_timeout(Some(LOOK)).ok()?;
    let len = body.len();
    write!(
        stream,
        "{line} HTTP/1.0\r\nContent-Length: {len}\r\n\r\n{body}"
    )
    .ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.split(' ').nth(1).filter(|status| *status == "200")?;
    Some(body.to_owned())
}

/// The nodes that the store counts as present, by a linearizable read of any member that answers.
pub(super) fn present(first: usize) -> Present {
    let key = STANDARD.encode(format!("{PREFIX}/node/"));
    // The first key behind all that begin so.
    let end = STANDARD.encode(format!("{PREFIX}/node0"));
    let body = format!("{{\"key\":\"{key}\",\"range_end\":\"{end}\",\"keys_only\":true}}");
    let said = (0..MEMBERS).find_map(|i| ask((first + i) % MEMBERS, "POST /v3/kv/range", &body))?;
    names(&said)
}

fn names(said: &str) -> Present {
    let all: Value = serde_json::from_str(said).ok()?;
    let keys = all["kvs"].as_array().map_or(&[][..], Vec::as_slice);
    let mut names = HashSet::new();
    for entry in keys {
        let key = STANDARD.decode(entry["key"].as_str()?).ok()?;
        let key = String::from_utf8(key).ok()?;
        names.insert(name(key.rsplit('/').next()?)?);
    }
    Some(names)
}

fn name(hex: &str) -> Option<NodeName> {
    let octets = crate::hex::decode(hex).ok()?;
    octets.try_into().ok().map(NodeName)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        let hex = "000102030405060708090a0b0c0d0e0f";
        let key = STANDARD.encode(format!("{PREFIX}/node/{hex}"));
        let said = format!("{{\"header\":{{}},\"kvs\":[{{\"key\":\"{key}\"}}],\"count\":\"1\"}}");
        let expected = NodeName(std::array::from_fn(|i| i as u8));
        assert_eq!(names(&said), Some(HashSet::from([expected])));
        assert_eq!(names("{\"header\":{}}"), Some(HashSet::new()));
        for bad in [
            "",
            "{\"kvs\":[{}]}",
            "{\"kvs\":[{\"key\":\"!\"}]}",
            "{\"kvs\":[{\"key\":\"YQ==\"}]}",
        ] {
            assert_eq!(names(bad), None, "{bad}");
        }
    }
}
