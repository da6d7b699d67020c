//! Settings of the NSSAAF, a TOML file: deploy/nssaaf.toml describes every key.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::nas::nssaa::SNssai;
use crate::nssaaf::http::tls;
use crate::nssaaf::radius::client::{Patience, Server, SharedSecret};
use crate::nssaaf::radius::dynamic::Asker;

/// Settings of the NSSAAF.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where AMFs ask.
    pub listen: SocketAddr,
    /// How AMFs reach that place, if by another name.
    #[serde(default)]
    pub api_root: Option<String>,
    /// Where an operator asks. In the clear, so a loopback address.
    #[serde(default)]
    pub admin: Option<SocketAddr>,
    /// Certificates, for https.
    #[serde(default)]
    pub tls: Option<tls::Files>,
    /// Where AAA servers ask for revocation (UDP).
    #[serde(default)]
    pub dynamic: Option<SocketAddr>,
    /// What this NSSAAF calls itself in RADIUS.
    #[serde(default = "nas_identifier")]
    pub nas_identifier: String,
    /// Authentications under way.
    #[serde(default)]
    pub contexts: Contexts,
    /// Notifications to AMFs.
    #[serde(default)]
    pub notify: Notify,
    /// AAA servers, in groups.
    pub aaa: Vec<Aaa>,
    /// AMFs known beforehand.
    #[serde(default)]
    pub amf: Vec<Amf>,
}

fn nas_identifier() -> String {
    "nssaaf".to_owned()
}

/// Authentications under way.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Contexts {
    /// At a time; more are answered 503.
    pub most: usize,
    /// How long one waits for the UE, in seconds.
    pub seconds: u64,
}

impl Default for Contexts {
    fn default() -> Self {
        Self {
            most: 65_536,
            seconds: 120,
        }
    }
}

/// How two AMFs, one for each access, are notified.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum TwoAmfs {
    /// At the same time.
    #[default]
    Together,
    /// The second one after the first has answered.
    InTurn,
}

/// Notifications to AMFs.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Notify {
    /// How two are notified.
    pub two_amfs: TwoAmfs,
    /// UEs and slices whose AMFs are remembered.
    pub remembered: usize,
    /// Notifications at a time; more are refused to the AAA server.
    pub most: usize,
    /// Attempts at each AMF.
    pub attempts: u32,
    /// Patience with each attempt, in milliseconds.
    pub timeout_ms: u64,
    /// API root of the UDM, which is asked when no AMF is remembered.
    pub udm: Option<String>,
    /// API root of the NRF, which knows where an AMF that the UDM names takes notifications.
    pub nrf: Option<String>,
}

impl Default for Notify {
    fn default() -> Self {
        Self {
            two_amfs: TwoAmfs::default(),
            remembered: 1_000_000,
            most: 1024,
            attempts: 3,
            timeout_ms: 3000,
            udm: None,
            nrf: None,
        }
    }
}

/// An AMF known beforehand.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Amf {
    /// Its instance, as the UDM names it.
    pub instance: String,
    /// Where it takes re-authentication.
    pub reauth: String,
    /// Where it takes revocation.
    pub revoc: String,
}

/// A group of AAA servers, or of proxies to them, and the slices they decide on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aaa {
    /// For the log.
    pub name: String,
    /// S-NSSAIs of the HPLMN: `1`, or `1-0000aa` with SD.
    pub slices: Vec<String>,
    /// In the order of preference.
    pub servers: Vec<AaaServer>,
    /// Who may ask for revocation.
    #[serde(default)]
    pub asks: Vec<Asks>,
    /// Wait before the first retransmission, in milliseconds.
    #[serde(default = "first_ms")]
    pub first_ms: u64,
    /// Transmissions to one server.
    #[serde(default = "transmissions")]
    pub transmissions: u32,
    /// How long a silent server is asked only when no other is left.
    #[serde(default = "dead_seconds")]
    pub dead_seconds: u64,
    /// Sockets for each server; each takes 256 questions at a time.
    #[serde(default = "sockets")]
    pub sockets: usize,
    /// Octets of the longest EAP packet that the server may send; NAS takes 1500.
    #[serde(default = "framed_mtu")]
    pub framed_mtu: u16,
}

const fn first_ms() -> u64 {
    1000
}

const fn transmissions() -> u32 {
    4
}

const fn dead_seconds() -> u64 {
    30
}

const fn sockets() -> usize {
    16
}

const fn framed_mtu() -> u16 {
    1400
}

/// A secret: in the file itself, or better in one of its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AaaServer {
    /// Address and port.
    pub address: SocketAddr,
    /// The secret, or:
    #[serde(default)]
    secret: Option<Zeroizing<String>>,
    /// the file that has it; a line end at its end does not count.
    #[serde(default)]
    secret_file: Option<PathBuf>,
}

impl std::fmt::Debug for AaaServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AaaServer({}, ..)", self.address)
    }
}

/// Someone who may ask for revocation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asks {
    /// Where from.
    pub from: IpAddr,
    /// The secret, or:
    #[serde(default)]
    secret: Option<Zeroizing<String>>,
    /// the file that has it.
    #[serde(default)]
    secret_file: Option<PathBuf>,
    /// Whether requests must have a Message-Authenticator.
    #[serde(default = "yes")]
    message_authenticator: bool,
}

impl std::fmt::Debug for Asks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Asks({}, ..)", self.from)
    }
}

const fn yes() -> bool {
    true
}

/// Fewest octets of a secret (RFC 2865 3 prefers 16; less than 8 is guessed).
const SHORTEST: usize = 8;

fn secret(
    inline: Option<&Zeroizing<String>>,
    file: Option<&PathBuf>,
    of: &str,
) -> Result<SharedSecret, String> {
    let secret: SharedSecret = match (inline, file) {
        (Some(secret), None) => Zeroizing::new(secret.as_bytes().to_vec()),
        (None, Some(file)) => {
            let text = std::fs::read(file).map_err(|why| format!("{}: {why}", file.display()))?;
            let mut text = Zeroizing::new(text);
            while matches!(text.last(), Some(b'\n' | b'\r')) {
                text.pop();
            }
            text
        }
        _ => return Err(format!("{of}: give either secret or secret_file")),
    };
    if secret.len() < SHORTEST {
        return Err(format!("{of}: a secret has at least {SHORTEST} octets"));
    }
    Ok(secret)
}

/// Reads `1` and `1-0000aa`.
#[must_use]
pub fn s_nssai(text: &str) -> Option<SNssai> {
    let (sst, sd) = match text.split_once('-') {
        Some((sst, sd)) => (sst, Some(sd)),
        None => (text, None),
    };
    let sst = sst.parse().ok()?;
    match sd {
        None => Some(SNssai::sst(sst)),
        Some(sd) if sd.len() == 6 && sd.bytes().all(|d| d.is_ascii_hexdigit()) => {
            Some(SNssai::new(sst, u32::from_str_radix(sd, 16).ok()?))
        }
        Some(_) => None,
    }
}

impl Aaa {
    pub(super) fn patience(&self) -> Patience {
        Patience {
            first: Duration::from_millis(self.first_ms.max(1)),
            transmissions: self.transmissions,
            dead: Duration::from_secs(self.dead_seconds),
            sockets: self.sockets,
        }
    }

    pub(super) fn s_nssais(&self) -> Result<Vec<SNssai>, String> {
        let read = |text: &String| {
            s_nssai(text).ok_or_else(|| format!("aaa {:?}: {text:?} is no S-NSSAI", self.name))
        };
        self.slices.iter().map(read).collect()
    }

    pub(super) fn radius_servers(&self) -> Result<Vec<Server>, String> {
        let one = |server: &AaaServer| {
            let of = format!("aaa {:?}, {}", self.name, server.address);
            let secret = secret(server.secret.as_ref(), server.secret_file.as_ref(), &of)?;
            Ok(Server {
                address: server.address,
                secret,
            })
        };
        if self.servers.is_empty() {
            return Err(format!("aaa {:?}: no servers", self.name));
        }
        self.servers.iter().map(one).collect()
    }

    pub(super) fn askers(&self) -> Result<Vec<Asker>, String> {
        let slices = self.s_nssais()?;
        let one = |asks: &Asks| {
            let of = format!("aaa {:?}, asks from {}", self.name, asks.from);
            Ok(Asker {
                from: asks.from,
                secret: secret(asks.secret.as_ref(), asks.secret_file.as_ref(), &of)?,
                message_authenticator: asks.message_authenticator,
                slices: slices.clone(),
            })
        };
        self.asks.iter().map(one).collect()
    }
}

impl Config {
    /// Reads settings and checks what can be checked without starting.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn parse(text: &str) -> Result<Self, String> {
        // The description of toml quotes the line, which may hold a secret.
        let config: Self = toml::from_str(text).map_err(|why| why.message().to_owned())?;
        if config.aaa.is_empty() {
            return Err("no [[aaa]]: there is nobody to ask".to_owned());
        }
        let mut seen = Vec::new();
        for aaa in &config.aaa {
            aaa.radius_servers()?;
            aaa.askers()?;
            for s_nssai in aaa.s_nssais()? {
                if seen.contains(&s_nssai) {
                    return Err(format!("slice {s_nssai} stands in two [[aaa]]"));
                }
                seen.push(s_nssai);
            }
        }
        if config.admin.is_some_and(|admin| !admin.ip().is_loopback()) {
            return Err("admin: give a loopback address; it has no access control".to_owned());
        }
        if config.nas_identifier.is_empty() || config.nas_identifier.len() > 253 {
            return Err("nas_identifier: 1 to 253 octets".to_owned());
        }
        Ok(config)
    }
}
