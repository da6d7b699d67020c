//! The store in an etcd cluster: what an AMF set shares.
//!
//! Reads and transactions of etcd are linearizable and durable once answered (a majority has them on disk), its revisions
//! only grow, and a key may be bound to a lease: all that the [room](super) asks for. Not so with `--unsafe-no-fsync`, or
//! when a member is given back an old disk: then acknowledged commits may be lost.
//!
//! A call of [`Store::commit`] is one transaction for up to [`GROUPS`] groups, each a transaction within it with its own
//! comparison: one entry of etcd's log, however many sessions renew their lease. Keys are text, so that `etcdctl get
//! --prefix` shows them: `PREFIX/line/HEX`, `PREFIX/record/HEX`, `PREFIX/node/HEX`, `PREFIX/identity`.
//!
//! The incarnation is made of `PREFIX/identity`, drawn at the first use, and of etcd's cluster identity, which `etcdutl
//! snapshot restore` changes when it is given another `--initial-cluster-token`: **restore with a new token, always**.
//! Besides, every answer is compared with what this node has seen: a revision that went back is [`Failure::Replaced`].

use std::collections::HashMap;
use std::time::{Duration, Instant};

use etcd_client::{
    Client, Compare, CompareOp, ConnectOptions, Error, GetOptions, PutOptions, ResponseHeader,
    SortOrder, SortTarget, Txn, TxnOp, TxnOpResponse, TxnResponse,
};
use sha2::{Digest, Sha256};
use tokio::runtime::{Builder, Runtime};

mod config;

pub use config::{EtcdConfig, Tls};

use super::{
    Entry, Failure, Group, Incarnation, Key, NodeName, Outcome, Result, Revision, SessionName,
    Store, check,
};

/// Groups of one transaction: etcd takes 128 operations unless it is told otherwise.
const GROUPS: usize = 100;

/// Pause before another member is asked.
const PAUSE: Duration = Duration::from_millis(10);

/// gRPC status codes that tell what happened.
const INVALID_ARGUMENT: i32 = 3;
const PERMISSION_DENIED: i32 = 7;
const RESOURCE_EXHAUSTED: i32 = 8;
const UNAUTHENTICATED: i32 = 16;

/// The store in a cluster. Its calls run on the caller's thread; it has none of its own.
pub struct Etcd {
    runtime: Runtime,
    client: Client,
    config: EtcdConfig,
    identity: Option<Incarnation>,
    cluster: Option<u64>,
    revision: i64,
    leases: HashMap<NodeName, i64>,
}

impl std::fmt::Debug for Etcd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Etcd")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Etcd {
    /// Prepares the connections; they are made when they are needed, and again when they break.
    ///
    /// # Errors
    /// [`Failure::Argument`] for addresses that are none, [`Failure::Refused`] for a user that etcd does not take,
    /// [`Failure::Unavailable`].
    pub fn connect(config: EtcdConfig) -> Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|_| Failure::Unavailable)?;
        let client = Self::dial(&runtime, &config)?;
        Ok(Self {
            runtime,
            client,
            config,
            identity: None,
            cluster: None,
            revision: 0,
            leases: HashMap::new(),
        })
    }

    fn dial(runtime: &Runtime, config: &EtcdConfig) -> Result<Client> {
        let mut options = ConnectOptions::new()
            .with_connect_timeout(config.timeout)
            .with_timeout(config.timeout)
            .with_keep_alive(Duration::from_secs(2), config.timeout)
            // A member that is cut off from the others says so at once, and another one is asked: see `ask`.
            .with_require_leader(true);
        if let Some((name, password)) = &config.user {
            options = options
                .with_user(name, password.as_str())
                .with_auto_token_refresh(true);
        }
        if let Some(tls) = &config.tls {
            options = options.with_tls(tls.options());
        }
        runtime
            .block_on(Client::connect(&config.endpoints, Some(options)))
            .map_err(|error| asking(&error))
    }

    /// Nobody answered in time. The network may have lost what was sent, and a connection that has waited repeats it later and
    /// later: after a cut of 3.5 s the next answer came 2 s after its end. New connections begin anew. With a user that
    /// would be a call of its own, and the old ones are kept.
    fn dial_again(&mut self) {
        if self.config.user.is_none()
            && let Ok(client) = Self::dial(&self.runtime, &self.config)
        {
            self.client = client;
        }
    }

    fn path(&self, kind: &str, name: &str) -> Vec<u8> {
        format!("{}/{kind}/{name}", self.config.prefix).into_bytes()
    }

    fn key(&self, key: Key) -> Vec<u8> {
        match key {
            Key::Line(print) => self.path("line", &print.hex()),
            Key::Record(session) => self.path("record", &session.hex()),
        }
    }

    fn identity_key(&self) -> Vec<u8> {
        format!("{}/identity", self.config.prefix).into_bytes()
    }

    /// Runs one transaction, and compares the answer with what was seen before.
    fn transact(&mut self, txn: Txn, failed: fn(&Error) -> Failure) -> Result<TxnResponse> {
        let mut kv = self.client.kv_client();
        let begin = Instant::now();
        // The channel has the same limit; whichever is first.
        let call = async { tokio::time::timeout(self.config.timeout, kv.txn(txn)).await };
        let answer = match self.runtime.block_on(call) {
            Ok(Ok(answer)) => answer,
            other => {
                let error = match other {
                    Ok(Err(error)) => error,
                    _ => Error::EndpointError(String::new()),
                };
                if begin.elapsed() >= self.config.timeout {
                    self.dial_again();
                } else {
                    self.sign_in_again(&error);
                }
                return Err(failed(&error));
            }
        };
        self.compare(answer.header())?;
        Ok(answer)
    }

    /// Runs one transaction that changes nothing. A member that is starting or is cut off from the others says at once that
    /// it has no leader; which member a call goes to is chance, so that one of three would fail one call of three. Asked
    /// again, up to six times in a cluster of three, it is one of 729.
    fn ask(&mut self, operations: Vec<TxnOp>) -> Result<TxnResponse> {
        let begin = Instant::now();
        let mut tries = 2 * self.config.endpoints.len().max(1);
        loop {
            tries -= 1;
            match self.transact(Txn::new().and_then(operations.clone()), asking) {
                Err(Failure::Unavailable) if tries > 0 && begin.elapsed() < self.config.timeout => {
                    self.runtime
                        .block_on(async { tokio::time::sleep(PAUSE).await });
                }
                other => return other,
            }
        }
    }

    /// A token that etcd does not take any more is replaced: the client does that by itself for one that expired or that a
    /// restarted member does not know, but not for one that is older than the last change of users or roles.
    fn sign_in_again(&self, error: &Error) {
        if let (Error::GRpcStatus(status), Some(_)) = (error, &self.config.user)
            && status.message().contains("auth")
        {
            let call = async {
                tokio::time::timeout(self.config.timeout, self.client.refresh_token()).await
            };
            // Where it fails the next call says why.
            let _ = self.runtime.block_on(call);
        }
    }

    /// Linearizable answers come in the order of the calls, so their revisions do too.
    fn compare(&mut self, header: Option<&ResponseHeader>) -> Result<()> {
        let header = header.ok_or(Failure::Corrupt)?;
        let known = *self.cluster.get_or_insert(header.cluster_id());
        if known != header.cluster_id() || header.revision() < self.revision {
            return Err(Failure::Replaced);
        }
        self.revision = header.revision();
        Ok(())
    }

    fn group(&self, Group(changes): &Group) -> TxnOp {
        let (mut compares, mut then, mut otherwise) = (Vec::new(), Vec::new(), Vec::new());
        for change in changes {
            let key = self.key(change.key);
            let expected = change.expect.0.cast_signed();
            compares.push(Compare::mod_revision(
                key.clone(),
                CompareOp::Equal,
                expected,
            ));
            otherwise.push(TxnOp::get(key.clone(), None));
            then.push(match &change.value {
                Some(value) => TxnOp::put(key, value.clone(), None),
                None => TxnOp::delete(key, None),
            });
        }
        let txn = Txn::new().when(compares).and_then(then).or_else(otherwise);
        TxnOp::txn(txn)
    }

    /// The identity in the cluster; `None` for a new one.
    fn read_identity(&mut self) -> Result<Option<Vec<u8>>> {
        let get = TxnOp::get(self.identity_key(), None);
        let answer = self.ask(vec![get])?;
        let found = entries(&answer).into_iter().next().flatten();
        Ok(found.map(|entry| entry.value))
    }

    fn draw_identity(&mut self) -> Result<Vec<u8>> {
        let (key, drawn) = (self.identity_key(), super::name::draw()?);
        let txn = Txn::new()
            .when([Compare::mod_revision(key.clone(), CompareOp::Equal, 0)])
            .and_then([TxnOp::put(key, drawn, None)]);
        // Whoever came first: what counts is what stands there now.
        self.transact(txn, asking)?;
        self.read_identity()?.ok_or(Failure::Corrupt)
    }

    async fn keep(client: &Client, lease: i64) -> bool {
        // The first answer says whether the lease is still there.
        client.lease_client().keep_alive(lease).await.is_ok()
    }

    async fn bind(client: &Client, key: Vec<u8>, seconds: i64) -> std::result::Result<i64, Error> {
        let lease = client.lease_client().grant(seconds, None).await?.id();
        let options = PutOptions::new().with_lease(lease);
        client.kv_client().put(key, "", Some(options)).await?;
        Ok(lease)
    }
}

/// Whether a token was made before the last change of users or roles.
fn is_old(message: &str) -> bool {
    message.contains("auth store is old")
}

/// The failure of a call that changes nothing.
fn asking(error: &Error) -> Failure {
    match error {
        Error::InvalidArgs(_) | Error::InvalidUri(_) => Failure::Argument,
        Error::GRpcStatus(status) => match status.code() as i32 {
            PERMISSION_DENIED | RESOURCE_EXHAUSTED | UNAUTHENTICATED => Failure::Refused,
            // No user where one is asked for, or a wrong password. A token that is merely old is replaced.
            INVALID_ARGUMENT if !is_old(status.message()) => Failure::Refused,
            _ => Failure::Unavailable,
        },
        _ => Failure::Unavailable,
    }
}

/// The failure of a call that changes something: only what etcd refuses for certain has not happened.
fn changing(error: &Error) -> Failure {
    match asking(error) {
        Failure::Unavailable => Failure::Unknown,
        certain => certain,
    }
}

/// What the reads of a transaction found.
fn entries(answer: &TxnResponse) -> Vec<Option<Entry>> {
    let found = |response: TxnOpResponse| match response {
        TxnOpResponse::Get(get) => get.kvs().first().map(|kv| Entry {
            revision: Revision(kv.mod_revision().cast_unsigned()),
            value: kv.value().to_vec(),
        }),
        _ => None,
    };
    answer.op_responses().into_iter().map(found).collect()
}

impl Store for Etcd {
    fn incarnation(&mut self) -> Result<Incarnation> {
        let drawn = match self.read_identity()? {
            Some(drawn) => drawn,
            None if self.identity.is_none() => self.draw_identity()?,
            None => return Err(Failure::Replaced),
        };
        let cluster = self.cluster.unwrap_or_default();
        let digest = Sha256::new()
            .chain_update(cluster.to_be_bytes())
            .chain_update(&drawn)
            .finalize();
        let incarnation = Incarnation(std::array::from_fn(|i| digest[i]));
        if *self.identity.get_or_insert(incarnation) == incarnation {
            Ok(incarnation)
        } else {
            Err(Failure::Replaced)
        }
    }

    fn read(&mut self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        let mut found = Vec::with_capacity(keys.len());
        for part in keys.chunks(GROUPS) {
            let gets: Vec<TxnOp> = part
                .iter()
                .map(|key| TxnOp::get(self.key(*key), None))
                .collect();
            let answer = self.ask(gets)?;
            found.extend(entries(&answer));
        }
        if found.len() == keys.len() {
            Ok(found)
        } else {
            Err(Failure::Corrupt)
        }
    }

    fn commit(&mut self, groups: &[Group]) -> Result<Vec<Outcome>> {
        check(groups)?;
        let mut outcomes = Vec::with_capacity(groups.len());
        for (i, part) in groups.chunks(GROUPS).enumerate() {
            let txns: Vec<TxnOp> = part.iter().map(|group| self.group(group)).collect();
            let answer = self
                .transact(Txn::new().and_then(txns), changing)
                // Earlier parts have happened.
                .map_err(|failure| match failure {
                    Failure::Refused if i > 0 => Failure::Unknown,
                    other => other,
                })?;
            let revision = Revision(self.revision.cast_unsigned());
            for response in answer.op_responses() {
                outcomes.push(match response {
                    TxnOpResponse::Txn(group) if group.succeeded() => Outcome::Done(revision),
                    TxnOpResponse::Txn(group) => Outcome::Stale(entries(&group)),
                    _ => return Err(Failure::Corrupt),
                });
            }
        }
        if outcomes.len() == groups.len() {
            Ok(outcomes)
        } else {
            Err(Failure::Unknown)
        }
    }

    fn records(
        &mut self,
        after: Option<SessionName>,
        most: usize,
    ) -> Result<Vec<(SessionName, Entry)>> {
        if most == 0 {
            return Ok(Vec::new());
        }
        // The end is the first key behind all hexadecimal digits.
        let end = self.path("record", "g");
        let mut from = self.path("record", &after.map(|name| name.hex()).unwrap_or_default());
        if after.is_some() {
            from.push(0);
        }
        let options = GetOptions::new()
            .with_range(end)
            .with_limit(i64::try_from(most).unwrap_or(i64::MAX))
            .with_sort(SortTarget::Key, SortOrder::Ascend);
        let get = TxnOp::get(from, Some(options));
        let answer = self.ask(vec![get])?;
        let Some(TxnOpResponse::Get(found)) = answer.op_responses().into_iter().next() else {
            return Err(Failure::Corrupt);
        };
        let prefix = self.path("record", "").len();
        found
            .kvs()
            .iter()
            .map(|kv| {
                let name = kv.key().get(prefix..).and_then(unhex);
                let entry = Entry {
                    revision: Revision(kv.mod_revision().cast_unsigned()),
                    value: kv.value().to_vec(),
                };
                Ok((SessionName(name.ok_or(Failure::Corrupt)?), entry))
            })
            .collect()
    }

    fn hold(&mut self, node: NodeName, ttl: Duration) -> Result<()> {
        let key = self.path("node", &node.hex());
        let seconds = i64::try_from(ttl.as_millis().div_ceil(1000)).unwrap_or(i64::MAX);
        let (client, known) = (&self.client, self.leases.get(&node).copied());
        let call = async {
            if let Some(lease) = known
                && Self::keep(client, lease).await
            {
                return Ok(lease);
            }
            Self::bind(client, key, seconds).await
        };
        let limit = self.config.timeout * 2;
        let call = async { tokio::time::timeout(limit, call).await };
        match self.runtime.block_on(call) {
            Ok(Ok(lease)) => {
                self.leases.insert(node, lease);
                Ok(())
            }
            Ok(Err(error)) => {
                self.sign_in_again(&error);
                Err(changing(&error))
            }
            Err(_) => Err(Failure::Unknown),
        }
    }

    fn leave(&mut self, node: NodeName) -> Result<()> {
        let Some(lease) = self.leases.remove(&node) else {
            return Ok(());
        };
        let mut client = self.client.lease_client();
        let call = async { tokio::time::timeout(self.config.timeout, client.revoke(lease)).await };
        match self.runtime.block_on(call) {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(changing(&error)),
            Err(_) => Err(Failure::Unknown),
        }
    }

    fn present(&mut self, node: NodeName) -> Result<bool> {
        let get = TxnOp::get(self.path("node", &node.hex()), None);
        let answer = self.ask(vec![get])?;
        Ok(entries(&answer).iter().any(Option::is_some))
    }
}

/// The octets that 32 hexadecimal digits stand for.
fn unhex(text: &[u8]) -> Option<[u8; 16]> {
    let text = std::str::from_utf8(text).ok().filter(|t| t.len() == 32)?;
    let mut out = [0; 16];
    for (i, octet) in out.iter_mut().enumerate() {
        *octet = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(out)
}
