//! FreeRADIUS with a configuration of its own: as AAA-S that decides, or as AAA-P that forwards.

use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::certificates;
use crate::ports::free_port;

/// The secret of all RADIUS here.
pub(crate) const SECRET: &str = "a secret for the slices";
/// Password of every user with EAP-MD5.
pub(crate) const PASSWORD: &str = "password of the slice";

/// What FreeRADIUS does not know of TS 29.561.
const DICTIONARY: &str = "BEGIN-VENDOR 3GPP\nATTRIBUTE 3GPP-External-Identifier 28 string\n\
    ATTRIBUTE 3GPP-S-NSSAI 200 octets\nEND-VENDOR 3GPP\n";

/// A server that runs; ended when dropped.
pub(crate) struct Aaa {
    pub(crate) address: SocketAddr,
    directory: PathBuf,
    child: Option<Child>,
}

/// A command whose process dies with the test's thread, even when that is aborted.
pub(crate) fn dying_with_us(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", program]);
    command
}

/// A directory for one part of one test.
pub(crate) fn directory(name: &str) -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("{name}-{}-{number}", std::process::id());
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&directory).unwrap();
    directory
}

impl Aaa {
    /// AAA-S: EAP-MD5 and EAP-TLS. Users `nobody*` and everybody in slice 7 are rejected at once.
    pub(crate) fn server(tls: &str) -> Self {
        let certificates = certificates::directory().display();
        let modules = format!(
            r#"
            always reject {{
              rcode = reject
            }}
            eap {{
              default_eap_type = md5
              timer_expire = 60
              max_sessions = 16384
              md5 {{
              }}
              tls-config common {{
                private_key_file = {certificates}/aaa.key
                certificate_file = {certificates}/aaa.chain.pem
                ca_file = {certificates}/root.pem
                cipher_list = "DEFAULT"
                tls_min_version = "{tls}"
                tls_max_version = "{tls}"
                fragment_size = 1300
                include_length = yes
                cache {{
                  enable = no
                }}
              }}
              tls {{
                tls = common
              }}
            }}
            "#
        );
        let authorize = r"
            # Only the first request of a conversation names the slice.
            if (!&State) {
              if (!&3GPP-S-NSSAI) {
                reject
              }
              if (&3GPP-S-NSSAI == 0x07) {
                reject
              }
              if (!&Calling-Station-Id && !&3GPP-External-Identifier) {
                reject
              }
            }
            if (&User-Name =~ /^nobody/) {
              reject
            }
            if (&User-Name =~ /^tls/) {
              update control {
                EAP-Type := TLS
              }
            }
            update control {
              Cleartext-Password := 'PASSWORD'
            }
            eap
        ";
        let authorize = authorize.replace("PASSWORD", PASSWORD);
        let site = format!(
            "authorize {{\n{authorize}\n}}\nauthenticate {{\neap\n}}\npost-auth {{\nPost-Auth-Type REJECT {{\n\
             update reply {{\nMessage-Authenticator := 0x00\n}}\n}}\n}}\n"
        );
        Self::start("aaa-s", &modules, &site, "proxy_requests = no")
    }

    /// AAA-P: forwards everything to this server.
    pub(crate) fn proxy(to: SocketAddr) -> Self {
        let realms = format!(
            r"
            proxy_requests = yes
            proxy server {{
              default_fallback = yes
            }}
            home_server behind {{
              type = auth
              ipaddr = {}
              port = {}
              secret = '{SECRET}'
              require_message_authenticator = yes
              response_window = 5
            }}
            home_server_pool behind {{
              home_server = behind
            }}
            realm behind {{
              auth_pool = behind
              nostrip
            }}
            ",
            to.ip(),
            to.port()
        );
        let site =
            "authorize {\nupdate control {\nProxy-To-Realm := 'behind'\n}\n}\nauthenticate {\n}\n";
        Self::start("aaa-p", "", site, &realms)
    }

    fn start(name: &str, modules: &str, site: &str, proxy: &str) -> Self {
        let directory = directory(name);
        // FreeRADIUS gives up root; what it reads and writes must be open to it.
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        let port = free_port();
        let at = directory.display();
        let config = format!(
            "
            name = radiusd
            raddbdir = {at}
            logdir = {at}
            run_dir = {at}
            libdir = /usr/lib/freeradius
            max_request_time = 30
            cleanup_delay = 2
            max_requests = 65536
            hostname_lookups = no
            log {{
              destination = stdout
              auth = no
            }}
            security {{
              max_attributes = 200
              reject_delay = 0
              status_server = no
            }}
            {proxy}
            client loopback {{
              ipaddr = 127.0.0.1
              secret = '{SECRET}'
              require_message_authenticator = yes
            }}
            thread pool {{
              start_servers = 2
              max_servers = 4
              min_spare_servers = 1
              max_spare_servers = 4
              max_requests_per_server = 0
            }}
            modules {{
            {modules}
            }}
            server default {{
              listen {{
                type = auth
                ipaddr = 127.0.0.1
                port = {port}
              }}
              {site}
            }}
            "
        );
        fs::write(directory.join("radiusd.conf"), config).unwrap();
        fs::write(directory.join("dictionary"), DICTIONARY).unwrap();
        let mut aaa = Self {
            address: ([127, 0, 0, 1], port).into(),
            directory,
            child: None,
        };
        aaa.run();
        aaa
    }

    /// Starts it, or starts it again at the same port.
    pub(crate) fn run(&mut self) {
        let log = self.directory.join("log");
        let out = File::create(&log).unwrap();
        let child = dying_with_us("freeradius")
            .args(["-f", "-l", "stdout", "-n", "radiusd", "-d"])
            .arg(&self.directory)
            .stdin(Stdio::null())
            .stderr(out.try_clone().unwrap())
            .stdout(out)
            .spawn()
            .expect("freeradius is installed");
        self.child = Some(child);
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let said = fs::read_to_string(&log).unwrap_or_default();
            if said.contains("Ready to process requests") {
                return;
            }
            let gone = self
                .child
                .as_mut()
                .and_then(|child| child.try_wait().unwrap());
            assert!(
                gone.is_none() && Instant::now() < end,
                "freeradius does not start:\n{said}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Aaa {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.directory.join("log"));
            eprintln!("-- freeradius said:\n{}", log.unwrap_or_default());
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A Disconnect-Request by radclient with these attributes; returns what radclient says.
pub(crate) fn disconnect(to: SocketAddr, attributes: &str) -> String {
    let dictionary = directory("radclient");
    fs::write(dictionary.join("dictionary"), DICTIONARY).unwrap();
    let mut child = Command::new("radclient")
        .arg("-d")
        .arg(&dictionary)
        .args([
            "-x",
            "-r",
            "1",
            "-t",
            "5",
            &to.to_string(),
            "disconnect",
            SECRET,
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("radclient is installed");
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{attributes}, Message-Authenticator = 0x00").unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let _ = fs::remove_dir_all(dictionary);
    String::from_utf8_lossy(&said).into_owned()
}
