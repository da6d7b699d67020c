//! The store in one file of this host: nothing to install, one process at a time.
//!
//! A [redb](https://www.redb.org) database. Each call of [`Store::commit`] is one transaction that is on disk (`fsync`) when
//! it is answered. The file survives the process and a loss of power; it does not survive the host's disk, and no other
//! node sees it. So it serves a node that restarts, not a takeover.
//!
//! **A copy of the file restored from a backup cannot be told from the original.** Whoever puts one back calls
//! [`Embedded::renew_identity`], or removes the file: the sessions of before then need new keys.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use redb::backends::FileBackend;
use redb::{Database, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction};

use super::{
    Entry, Failure, Group, Incarnation, Key, NodeName, Outcome, Result, Revision, SessionName,
    Store, check,
};

/// Of each entry: its revision (8, big-endian) and its octets.
type Entries = TableDefinition<'static, [u8; 16], &'static [u8]>;

const LINES: Entries = TableDefinition::new("lines");
const RECORDS: Entries = TableDefinition::new("records");
const META: TableDefinition<'static, &'static str, u128> = TableDefinition::new("meta");
const IDENTITY: &str = "identity";
const REVISION: &str = "revision";

/// Octets of a revision in front of each value.
const PREFIX: usize = 8;

/// Memory for pages of the file.
const CACHE: usize = 16 << 20;

/// The store in a file.
#[derive(Debug)]
pub struct Embedded {
    database: Database,
    nodes: HashMap<NodeName, Instant>,
}

impl Embedded {
    /// Opens the file, or makes it, readable by its owner alone.
    ///
    /// # Errors
    /// [`Failure::Refused`] when the file cannot be opened or another process has it, [`Failure::Corrupt`] when it is no
    /// store.
    pub fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(|_| Failure::Refused)?;
        let database = Database::builder()
            .set_cache_size(CACHE)
            .create_with_backend(FileBackend::new(file).map_err(opening)?)
            .map_err(opening)?;
        let mut store = Self {
            database,
            nodes: HashMap::new(),
        };
        store.prepare()?;
        // The file's name is on disk too.
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .map_err(|_| Failure::Refused)?;
        Ok(store)
    }

    /// Everything that was written so far vouches for nothing any more: for a file that comes from a backup.
    ///
    /// # Errors
    /// Those of [`Store::commit`].
    pub fn renew_identity(&mut self) -> Result<()> {
        let transaction = self.begin()?;
        {
            let mut meta = transaction.open_table(META).map_err(writing)?;
            meta.insert(IDENTITY, draw()?).map_err(writing)?;
        }
        transaction.commit().map_err(|_| Failure::Unknown)
    }

    fn prepare(&mut self) -> Result<()> {
        let transaction = self.begin()?;
        {
            let mut meta = transaction.open_table(META).map_err(writing)?;
            if meta.get(IDENTITY).map_err(writing)?.is_none() {
                meta.insert(IDENTITY, draw()?).map_err(writing)?;
                meta.insert(REVISION, 0).map_err(writing)?;
            }
            transaction.open_table(LINES).map_err(writing)?;
            transaction.open_table(RECORDS).map_err(writing)?;
        }
        transaction.commit().map_err(|_| Failure::Unknown)
    }

    fn begin(&self) -> Result<WriteTransaction> {
        let mut transaction = self
            .database
            .begin_write()
            .map_err(|_| Failure::Unavailable)?;
        // Opening after a crash takes milliseconds and not a walk through the file.
        transaction.set_quick_repair(true);
        Ok(transaction)
    }

    /// Carries out the groups inside one transaction; the caller commits it.
    fn apply(transaction: &WriteTransaction, groups: &[Group]) -> Result<Vec<Outcome>> {
        let mut meta = transaction.open_table(META).map_err(writing)?;
        let mut tables = Tables {
            lines: transaction.open_table(LINES).map_err(writing)?,
            records: transaction.open_table(RECORDS).map_err(writing)?,
        };
        let revision = meta.get(REVISION).map_err(writing)?;
        let mut revision = revision.map_or(0, |value| value.value() as u64);
        let mut outcomes = Vec::with_capacity(groups.len());
        for Group(changes) in groups {
            let there = changes
                .iter()
                .map(|change| tables.get(change.key))
                .collect::<Result<Vec<_>>>()?;
            let fits = changes.iter().zip(&there).all(|(change, entry)| {
                let there = entry.as_ref().map_or(Revision::ABSENT, |e| e.revision);
                there == change.expect
            });
            if !fits {
                outcomes.push(Outcome::Stale(there));
                continue;
            }
            revision += 1;
            for change in changes {
                tables.set(change.key, revision, change.value.as_deref())?;
            }
            outcomes.push(Outcome::Done(Revision(revision)));
        }
        meta.insert(REVISION, u128::from(revision))
            .map_err(writing)?;
        Ok(outcomes)
    }
}

/// The tables of one transaction.
struct Tables<'t> {
    lines: Table<'t, [u8; 16], &'static [u8]>,
    records: Table<'t, [u8; 16], &'static [u8]>,
}

impl<'t> Tables<'t> {
    fn get(&self, key: Key) -> Result<Option<Entry>> {
        match key {
            Key::Line(print) => lookup(&self.lines, print.0),
            Key::Record(session) => lookup(&self.records, session.0),
        }
    }

    fn set(&mut self, key: Key, revision: u64, value: Option<&[u8]>) -> Result<()> {
        let (table, name): (&mut Table<'t, _, _>, _) = match key {
            Key::Line(print) => (&mut self.lines, print.0),
            Key::Record(session) => (&mut self.records, session.0),
        };
        let Some(value) = value else {
            table.remove(name).map_err(writing)?;
            return Ok(());
        };
        let mut octets = revision.to_be_bytes().to_vec();
        octets.extend_from_slice(value);
        table.insert(name, octets.as_slice()).map_err(writing)?;
        Ok(())
    }
}

fn lookup(
    table: &impl ReadableTable<[u8; 16], &'static [u8]>,
    name: [u8; 16],
) -> Result<Option<Entry>> {
    let value = table.get(name).map_err(writing)?;
    value.map(|value| entry(value.value())).transpose()
}

fn entry(octets: &[u8]) -> Result<Entry> {
    let (revision, value) = octets
        .split_first_chunk::<PREFIX>()
        .ok_or(Failure::Corrupt)?;
    Ok(Entry {
        revision: Revision(u64::from_be_bytes(*revision)),
        value: value.to_vec(),
    })
}

fn opening(error: redb::DatabaseError) -> Failure {
    match error {
        redb::DatabaseError::Storage(redb::StorageError::Corrupted(_)) => Failure::Corrupt,
        redb::DatabaseError::Storage(redb::StorageError::Io(error))
            if error.kind() == std::io::ErrorKind::InvalidData =>
        {
            Failure::Corrupt
        }
        _ => Failure::Refused,
    }
}

/// A failure before the transaction was committed: it is undone.
fn writing(error: impl Into<redb::Error>) -> Failure {
    match error.into() {
        redb::Error::Corrupted(_) | redb::Error::TableTypeMismatch { .. } => Failure::Corrupt,
        _ => Failure::Unavailable,
    }
}

fn draw() -> Result<u128> {
    Ok(u128::from_be_bytes(super::name::draw()?))
}

impl Store for Embedded {
    fn incarnation(&mut self) -> Result<Incarnation> {
        let transaction = self
            .database
            .begin_read()
            .map_err(|_| Failure::Unavailable)?;
        let meta = transaction.open_table(META).map_err(writing)?;
        let identity = meta.get(IDENTITY).map_err(writing)?;
        let identity = identity.ok_or(Failure::Corrupt)?.value();
        Ok(Incarnation(identity.to_be_bytes()))
    }

    fn read(&mut self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        let transaction = self
            .database
            .begin_read()
            .map_err(|_| Failure::Unavailable)?;
        let lines = transaction.open_table(LINES).map_err(writing)?;
        let records = transaction.open_table(RECORDS).map_err(writing)?;
        keys.iter()
            .map(|key| match key {
                Key::Line(print) => lookup(&lines, print.0),
                Key::Record(session) => lookup(&records, session.0),
            })
            .collect()
    }

    fn commit(&mut self, groups: &[Group]) -> Result<Vec<Outcome>> {
        check(groups)?;
        let transaction = self.begin()?;
        let outcomes = Self::apply(&transaction, groups)?;
        if outcomes.iter().any(|o| matches!(o, Outcome::Done(_))) {
            transaction.commit().map_err(|_| Failure::Unknown)?;
        }
        Ok(outcomes)
    }

    fn records(
        &mut self,
        after: Option<SessionName>,
        most: usize,
    ) -> Result<Vec<(SessionName, Entry)>> {
        use std::ops::Bound;
        let transaction = self
            .database
            .begin_read()
            .map_err(|_| Failure::Unavailable)?;
        let records = transaction.open_table(RECORDS).map_err(writing)?;
        let from = after.map_or(Bound::Unbounded, |name| Bound::Excluded(name.0));
        let range = records
            .range::<[u8; 16]>((from, Bound::Unbounded))
            .map_err(writing)?;
        range
            .take(most)
            .map(|found| {
                let (name, value) = found.map_err(writing)?;
                Ok((SessionName(name.value()), entry(value.value())?))
            })
            .collect()
    }

    fn hold(&mut self, node: NodeName, ttl: Duration) -> Result<()> {
        self.nodes.insert(node, Instant::now() + ttl);
        Ok(())
    }

    fn leave(&mut self, node: NodeName) -> Result<()> {
        self.nodes.remove(&node);
        Ok(())
    }

    fn present(&mut self, node: NodeName) -> Result<bool> {
        // Only one process has the file, so a node of another process is absent.
        Ok(self
            .nodes
            .get(&node)
            .is_some_and(|until| Instant::now() < *until))
    }
}
