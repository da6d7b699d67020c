//! The session table from outside: records written by hand from their documented layout, and many threads.

use std::collections::HashSet;
use std::sync::Barrier;

use naslane::algorithm::Nea;
use naslane::base::{AccessType, Error, Result};
use naslane::security::protect::{self, Form, OVERHEAD, Sealing};
use naslane::security::{Place, Role, Settings};
use naslane::session::record::{export, import, resume_after_failed_transfer};
use naslane::session::{Extent, Handle, Record, Table, TableConfig};
use sha2::{Digest, Sha256};

const CONFIGURATION_UPDATE_COMMAND: [u8; 3] = [0x7E, 0x00, 0x54];

/// A record with one current context, as the layout says.
#[derive(Clone)]
struct ByHand {
    magic: [u8; 4],
    version: u16,
    role: u8,
    flags: u8,
    contexts: u8,
    connections: Vec<u8>,
    context: Vec<u8>,
}

impl ByHand {
    /// K_AMF from `key`, NEA2, NIA2; `counts` = next to send and lowest to accept over 3GPP access.
    fn new(key: u32, counts: [u32; 2]) -> Self {
        let mut context = vec![0, 0b101, 3, 2, 2, 2, 0xE0, 0xE0];
        context.extend([key.to_be_bytes(); 8].concat());
        context.extend([counts[0].to_be_bytes(), counts[1].to_be_bytes()].concat());
        context.extend([0; 8 + 16]);
        let secured = [0b0001, 0, 0, 0, 0];
        let connections = [secured, [0; 5]].concat();
        Self {
            magic: *b"NLSR",
            version: 1,
            role: 0,
            flags: 0b10,
            contexts: 1,
            connections,
            context,
        }
    }

    fn octets(&self) -> Vec<u8> {
        let len = 11 + self.connections.len() + self.context.len() + 16;
        let mut octets = self.magic.to_vec();
        octets.extend(self.version.to_be_bytes());
        octets.extend((len as u16).to_be_bytes());
        octets.extend([self.role, self.flags, self.contexts]);
        octets.extend(&self.connections);
        octets.extend(&self.context);
        let sum = Sha256::digest(&octets);
        octets.extend(&sum[..16]);
        octets
    }
}

fn table(sessions: usize) -> Table {
    Table::new(&TableConfig::new(sessions)).unwrap()
}

fn send(table: &Table, handle: Handle) -> Result<(u32, Vec<u8>)> {
    let mut guard = table.lock(handle)?;
    let plain = &CONFIGURATION_UPDATE_COMMAND;
    let settings = Settings::default();
    let numbered = protect::number(
        &mut guard.security,
        AccessType::ThreeGpp,
        (plain, &Form::Auto),
        &settings,
    )?;
    let count = numbered.count();
    let mut pdu = [&[0; OVERHEAD][..], plain].concat();
    protect::seal(&mut [Sealing::new(numbered, &guard.security, &mut pdu)?]);
    Ok((count, pdu))
}

#[test]
fn a_record_by_hand_is_a_session() {
    let table = table(1);
    let handle = import(&table, &ByHand::new(1, [258, 7]).octets()).unwrap();
    {
        let guard = table.lock(handle).unwrap();
        let context = guard.security.context(Place::Current).unwrap();
        assert_eq!(guard.security.role(), Role::Amf);
        assert_eq!(
            (context.ng_ksi().bits(), context.ue_sec_cap().value()),
            (3, &[0xE0, 0xE0][..])
        );
        assert_eq!(context.algorithms().unwrap().nea, Nea::Nea2);
        assert_eq!(context.k_amf().expose()[..8], [0, 0, 0, 1, 0, 0, 0, 1]);
        assert!(
            guard.security.secured(AccessType::ThreeGpp)
                && !guard.security.secured(AccessType::NonThreeGpp)
        );
        assert_eq!(
            guard
                .security
                .pair(Place::Current, AccessType::ThreeGpp)
                .unwrap()
                .receive
                .next_min(),
            7
        );
    }
    let (count, pdu) = send(&table, handle).unwrap();
    assert_eq!(
        (count, pdu[6]),
        (258, 2),
        "sequence number: the low octet of COUNT"
    );
    let mut record = Record::new();
    export(&table, handle, Extent::Connections, &mut record).unwrap();
    assert_eq!(record.as_bytes(), ByHand::new(1, [259, 7]).octets());
}

/// What is wrong, and how a record comes to it.
type Change = (&'static str, fn(&mut ByHand));

/// Everything here has a right checksum: what is refused is the content.
#[test]
fn r12_what_no_export_writes_is_refused() {
    let table = table(1);
    let change = |change: fn(&mut ByHand)| {
        let mut record = ByHand::new(1, [5, 5]);
        change(&mut record);
        import(&table, &record.octets())
    };
    let refused: &[Change] = &[
        ("magic", |r| r.magic = *b"NLSQ"),
        ("version 0", |r| r.version = 0),
        ("version 2", |r| r.version = 2),
        ("role", |r| r.role = 2),
        ("reserved flag of the header", |r| r.flags |= 0b100),
        ("NH chain that is not there", |r| r.flags |= 0b1),
        ("no context", |r| (r.contexts, r.context) = (0, Vec::new())),
        ("a context more than there is", |r| r.contexts = 2),
        ("the same context twice", |r| {
            (r.contexts, r.context) = (2, r.context.repeat(2))
        }),
        ("a context less than there is", |r| {
            r.context = r.context.repeat(2)
        }),
        ("five contexts", |r| {
            (r.contexts, r.context) = (5, r.context.repeat(5))
        }),
        ("octets behind the last part", |r| r.context.push(0)),
        ("reserved flag of a connection", |r| {
            r.connections[0] |= 0b1_0000
        }),
        ("COUNT without its flag", |r| r.connections[4] = 1),
        ("COUNT of 2^24", |r| {
            (r.connections[0], r.connections[1]) = (0b1001, 1)
        }),
        ("previous context that is not there", |r| {
            r.connections[0] |= 0b10
        }),
        ("place", |r| r.context[0] = 4),
        ("secured without a context", |r| r.context[0] = 1),
        ("reserved flag of a context", |r| r.context[1] |= 0b1000),
        ("partial context in use", |r| r.context[1] &= !1),
        ("partial context with algorithms", |r| {
            (r.context[0], r.context[1], r.connections[0]) = (1, 0b100, 0)
        }),
        ("shared COUNTs of nobody", |r| {
            (r.context[0], r.context[1]) = (3, 0b001)
        }),
        ("ngKSI no key", |r| r.context[2] = 7),
        ("ngKSI of five bits", |r| r.context[2] = 16),
        ("mapped and non-current", |r| {
            (r.context[0], r.context[2], r.connections[0]) = (1, 8, 0)
        }),
        ("NEA4", |r| r.context[3] = 4),
        ("NIA0 without emergency", |r| {
            (r.context[3], r.context[4]) = (0, 0)
        }),
        ("NEA2 with NIA0", |r| {
            (r.context[1], r.context[4]) = (0b111, 0)
        }),
        ("capability of one octet", |r| {
            r.context[5] = 1;
            r.context.remove(6);
        }),
        ("COUNT above 2^24", |r| {
            (r.context[40], r.context[43]) = (1, 1)
        }),
        ("seen below COUNT 0", |r| r.context[55] = 0b10_0000),
    ];
    for (what, change_one) in refused {
        assert_eq!(change(*change_one), Err(Error::Record), "{what}");
        assert!(table.is_empty(), "{what}");
    }
    change(|r| (r.context[1], r.context[3], r.context[4]) = (0b111, 0, 0))
        .expect("null algorithms in an emergency");
}

#[test]
fn r14_threads_on_one_session_get_distinct_counts() {
    const THREADS: usize = 8;
    const EACH: usize = 500;
    let table = table(1);
    let handle = import(&table, &ByHand::new(1, [0, 0]).octets()).unwrap();
    let start = Barrier::new(THREADS);
    let per_thread: Vec<Vec<(u32, Vec<u8>)>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    (0..EACH).map(|_| send(&table, handle).unwrap()).collect()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    for sent in &per_thread {
        assert!(sent.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
    let counts: HashSet<u32> = per_thread
        .iter()
        .flatten()
        .map(|(count, _)| *count)
        .collect();
    let pdus: HashSet<&[u8]> = per_thread
        .iter()
        .flatten()
        .map(|(_, pdu)| &pdu[..])
        .collect();
    assert_eq!((counts.len(), pdus.len()), (THREADS * EACH, THREADS * EACH));
    assert_eq!(
        counts.into_iter().max(),
        Some((THREADS * EACH - 1) as u32),
        "and none is lost"
    );
}

#[test]
fn r13_an_export_races_with_sending_and_no_count_is_used_twice() {
    for round in 0..50 {
        let (source, target) = (table(1), table(1));
        let handle = import(&source, &ByHand::new(round, [0, 0]).octets()).unwrap();
        let (sent, record) = std::thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let mut last = None;
                while let Ok((count, _)) = send(&source, handle) {
                    last = Some(count);
                }
                last
            });
            let mut record = Record::new();
            while source.lock(handle).is_ok_and(|guard| {
                guard
                    .security
                    .pair(Place::Current, AccessType::ThreeGpp)
                    .is_some_and(|pair| pair.send.next() < 20)
            }) {}
            export(&source, handle, Extent::Connections, &mut record).unwrap();
            (sender.join().unwrap(), record)
        });
        assert_eq!(send(&source, handle).err(), Some(Error::Conflict));
        let taken_up = import(&target, record.as_bytes()).unwrap();
        assert_eq!(
            send(&target, taken_up).unwrap().0,
            sent.map_or(0, |count| count + 1)
        );
    }
}

#[test]
fn r13_a_cancelled_transfer_goes_on_counting() {
    let table = table(1);
    let handle = import(&table, &ByHand::new(1, [9, 0]).octets()).unwrap();
    let mut record = Record::new();
    export(&table, handle, Extent::Contexts, &mut record).unwrap();
    assert_eq!(
        export(&table, handle, Extent::Contexts, &mut record),
        Err(Error::Conflict)
    );
    resume_after_failed_transfer(&table, handle).unwrap();
    assert_eq!(
        resume_after_failed_transfer(&table, handle),
        Err(Error::Unexpected)
    );
    assert_eq!(send(&table, handle).unwrap().0, 9);
    table.release(handle).unwrap();
    for send_next in [0, 8, 9] {
        let low = ByHand::new(1, [send_next, 0]).octets();
        assert_eq!(import(&table, &low), Err(Error::KeyReused));
    }
    import(&table, &ByHand::new(1, [10, 0]).octets()).unwrap();
}

#[test]
fn one_record_is_taken_up_once_among_many_threads() {
    let table = table(16);
    let octets = ByHand::new(1, [3, 3]).octets();
    for _ in 0..50 {
        let start = Barrier::new(4);
        let all: Vec<Result<Handle>> = std::thread::scope(|scope| {
            let importer = || {
                start.wait();
                import(&table, &octets)
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(importer)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        let taken: Vec<Handle> = all.iter().filter_map(|result| result.ok()).collect();
        assert_eq!((taken.len(), table.len()), (1, 1), "{all:?}");
        assert!(
            all.iter()
                .all(|result| result.is_ok() || *result == Err(Error::KeyReused))
        );
        table.release(taken[0]).unwrap();
    }
}
