//! Opening the store, while the daemon may still open files and resolve names.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::base::random;
use crate::session::Before;
use crate::store::keeper::{Keeper, KeeperConfig};
use crate::store::{Failure, KeyRing, NodeName, PrintKey, Store};

use super::super::config::{self, StoreKind};

/// How long a daemon that starts waits for its store.
const WAIT: Duration = Duration::from_secs(10);

/// A store that answers, and the keys of the set.
pub(in crate::sidecar) struct Opened {
    pub(super) keeper: Keeper<Box<dyn Store>>,
    pub(super) ring: KeyRing,
    pub(in crate::sidecar) prints: PrintKey,
    /// Where the keys of the daemon before this one stood.
    pub(in crate::sidecar) before: HashMap<u64, Before>,
    /// Ports that the store is reached at.
    pub(in crate::sidecar) ports: Vec<u16>,
}

/// Opens the store of a daemon, if it has one, under a node name of its own.
///
/// # Errors
/// What is wrong, as a sentence.
pub(in crate::sidecar) fn open(settings: &config::Store) -> Result<Option<Opened>, String> {
    if !settings.wanted() {
        return Ok(None);
    }
    match settings.kind {
        StoreKind::Embedded if !cfg!(feature = "embedded") => return Err(absent("embedded")),
        StoreKind::Etcd if !cfg!(feature = "etcd") => return Err(absent("etcd")),
        _ => {}
    }
    let (ring, prints) = settings.keys()?;
    let mut node = [0; 16];
    random::fill(&mut node).map_err(|error| error.to_string())?;
    let node = KeeperConfig {
        node: NodeName(node),
        ttl: settings.ttl(),
        uplink: settings.uplink.into(),
    };
    let begin = Instant::now();
    let (keeper, ports) = loop {
        let (store, ports) = connect(settings)?;
        match Keeper::new(store, node) {
            Ok(keeper) => break (keeper, ports),
            Err(Failure::Unavailable | Failure::Unknown) if begin.elapsed() < WAIT => {
                std::thread::sleep(WAIT / 50);
            }
            Err(why) => return Err(format!("[store]: {why}")),
        }
    };
    Ok(Some(Opened {
        keeper,
        ring,
        prints,
        before: HashMap::new(),
        ports,
    }))
}

impl Opened {
    /// This daemon's name in the store.
    pub(in crate::sidecar) const fn node(&self) -> NodeName {
        self.keeper.node()
    }
}

fn absent(kind: &str) -> String {
    format!("[store] kind = \"{kind}\": this program was built without it (feature {kind})")
}

type Connected = (Box<dyn Store>, Vec<u16>);

fn connect(settings: &config::Store) -> Result<Connected, String> {
    match settings.kind {
        StoreKind::Embedded => embedded(settings),
        StoreKind::Etcd => etcd(settings),
        StoreKind::None => Err("[store] kind: none".to_owned()),
    }
}

#[cfg(feature = "embedded")]
fn embedded(settings: &config::Store) -> Result<Connected, String> {
    let store = crate::store::embedded::Embedded::open(&settings.path).map_err(|why| {
        let path = settings.path.display();
        match why {
            Failure::Refused => {
                format!("[store] path = {path}: it cannot be opened, or another process has it")
            }
            why => format!("[store] path = {path}: {why}"),
        }
    })?;
    Ok((Box::new(store), Vec::new()))
}

#[cfg(not(feature = "embedded"))]
fn embedded(_: &config::Store) -> Result<Connected, String> {
    Err(absent("embedded"))
}

#[cfg(not(feature = "etcd"))]
fn etcd(_: &config::Store) -> Result<Connected, String> {
    Err(absent("etcd"))
}

#[cfg(feature = "etcd")]
fn etcd(settings: &config::Store) -> Result<Connected, String> {
    use crate::base::Error;
    use crate::store::etcd::{Etcd, EtcdConfig, Tls};
    use std::path::Path;
    use zeroize::Zeroizing;

    let read = |path: &Path, key: &str| {
        let octets = std::fs::read(path).map(Zeroizing::new);
        octets.map_err(|why| format!("[store] {key} = {}: {why}", path.display()))
    };
    let named = |path: &Path| !path.as_os_str().is_empty();
    let user = if settings.user.is_empty() {
        None
    } else {
        let password = crate::store::seal::text_of(&settings.password).map_err(|error| {
            let why = match error {
                Error::System => "cannot be read",
                _ => "file:PATH, credential:NAME or env:NAME",
            };
            format!("[store] password = {:?}: {why}", settings.password)
        })?;
        let password = Zeroizing::new(password.trim_end_matches(['\r', '\n']).to_owned());
        Some((settings.user.clone(), password))
    };
    let secure = settings
        .endpoints
        .iter()
        .filter(|endpoint| endpoint.starts_with("https://"))
        .count();
    if secure != 0 && secure != settings.endpoints.len() {
        return Err("[store] endpoints: all of them https, or none".to_owned());
    }
    let mut hosts = Vec::new();
    let (mut endpoints, mut ports) = (Vec::new(), Vec::new());
    for endpoint in &settings.endpoints {
        let (host, found) = resolved(endpoint)?;
        ports.extend(found.iter().map(std::net::SocketAddr::port));
        let scheme = if secure > 0 { "https" } else { "http" };
        endpoints.extend(found.iter().map(|address| format!("{scheme}://{address}")));
        hosts.push(host);
    }
    let tls = if secure == 0 {
        None
    } else {
        let ca = if named(&settings.ca_file) {
            read(&settings.ca_file, "ca_file")?.to_vec()
        } else {
            return Err("[store] ca_file: needed for https".to_owned());
        };
        let identity = if named(&settings.cert_file) {
            let own = read(&settings.cert_file, "cert_file")?.to_vec();
            Some((own, read(&settings.key_file, "key_file")?))
        } else {
            None
        };
        Some(Tls {
            ca,
            identity,
            name: server_name(&settings.server_name, &hosts)?,
        })
    };
    let config = EtcdConfig {
        endpoints,
        prefix: settings.prefix.clone(),
        timeout: Duration::from_millis(settings.timeout_ms),
        user,
        tls,
    };
    let store = Etcd::connect(config).map_err(|why| match why {
        Failure::Refused => format!("[store] user, password: {why}"),
        why => format!("[store] endpoints: {why}"),
    })?;
    Ok((Box::new(store), ports))
}

/// The host of an endpoint, and its addresses: later no name is resolved any more.
#[cfg(feature = "etcd")]
fn resolved(endpoint: &str) -> Result<(String, Vec<std::net::SocketAddr>), String> {
    use std::net::ToSocketAddrs;

    let wrong = |why: &str| format!("[store] endpoints: {endpoint:?}: {why}");
    let rest = endpoint
        .strip_prefix("http://")
        .or_else(|| endpoint.strip_prefix("https://"));
    let place = rest.ok_or_else(|| wrong("http://HOST:PORT or https://HOST:PORT"))?;
    let place = place.trim_end_matches('/');
    let (host, _) = place.rsplit_once(':').ok_or_else(|| wrong("no port"))?;
    let found: Vec<_> = place
        .to_socket_addrs()
        .map_err(|why| wrong(&why.to_string()))?
        .collect();
    if found.is_empty() {
        return Err(wrong("no address"));
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok((host.to_owned(), found))
}

/// The name that etcd's certificates must have; none: the address of the endpoint.
#[cfg(feature = "etcd")]
fn server_name(given: &str, hosts: &[String]) -> Result<Option<String>, String> {
    if !given.is_empty() {
        return Ok(Some(given.to_owned()));
    }
    let address = |host: &String| host.parse::<std::net::IpAddr>().is_ok();
    if hosts.iter().all(address) {
        return Ok(None);
    }
    match hosts {
        [first, rest @ ..] if rest.iter().all(|host| host == first) => Ok(Some(first.clone())),
        _ => Err(
            "[store] endpoints over https with different host names: server_name says which name their certificates \
             have in common"
                .to_owned(),
        ),
    }
}
