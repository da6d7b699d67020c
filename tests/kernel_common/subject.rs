//! Every room behind one face: a job is a seed (key, IV and whatever else the lane needs) and a message.

use super::SplitMix;
use naslane::kernel::{Backend, Lane, Room, aes128, clmul, sha256, snow3g, zuc};

/// Which of a row's two functions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verb {
    One,
    Many,
}

/// One message.
pub struct Job<'a> {
    pub seed: u64,
    pub data: &'a mut [u8],
}

/// A room that can be driven by jobs. Keystream rooms change `data`, the others leave it; the answer is in the
/// result.
pub trait Subject: Room {
    const IN_PLACE: bool;
    fn compute(row: &Backend<Self>, verb: Verb, jobs: &mut [Job<'_>]) -> Vec<Vec<u8>>;
}

fn call<R: Room>(row: &Backend<R>, verb: Verb, lanes: &mut [R::Lane<'_>]) {
    match verb {
        Verb::One => lanes.iter_mut().for_each(row.one),
        Verb::Many => (row.many)(lanes),
    }
}

fn keystream<R, K>(
    row: &Backend<R>,
    verb: Verb,
    jobs: &mut [Job<'_>],
    key: fn([u8; 16]) -> K,
) -> Vec<Vec<u8>>
where
    K: 'static,
    R: for<'a> Room<Lane<'a> = Lane<'a, K>>,
{
    let secrets: Vec<_> = jobs
        .iter()
        .map(|job| {
            let mut random = SplitMix(job.seed);
            (key(random.block()), random.block())
        })
        .collect();
    let mut lanes: Vec<_> = jobs
        .iter_mut()
        .zip(&secrets)
        .map(|(job, (key, iv))| Lane {
            key,
            iv: *iv,
            data: job.data,
        })
        .collect();
    call(row, verb, &mut lanes);
    jobs.iter().map(|job| job.data.to_vec()).collect()
}

impl Subject for aes128::Ctr {
    const IN_PLACE: bool = true;
    fn compute(row: &Backend<Self>, verb: Verb, jobs: &mut [Job<'_>]) -> Vec<Vec<u8>> {
        keystream(row, verb, jobs, |key| {
            aes128::Key::new(&key).schedule.clone()
        })
    }
}

impl Subject for snow3g::Snow3g {
    const IN_PLACE: bool = true;
    fn compute(row: &Backend<Self>, verb: Verb, jobs: &mut [Job<'_>]) -> Vec<Vec<u8>> {
        keystream(row, verb, jobs, |key| key)
    }
}

impl Subject for zuc::Zuc {
    const IN_PLACE: bool = true;
    fn compute(row: &Backend<Self>, verb: Verb, jobs: &mut [Job<'_>]) -> Vec<Vec<u8>> {
        keystream(row, verb, jobs, |key| key)
    }
}

impl Subject for zuc::Stream {
    const IN_PLACE: bool = true;
    fn compute(row: &Backend<Self>, verb: Verb, jobs: &mut [Job<'_>]) -> Vec<Vec<u8>> {
        let mut states: Vec<_> = jobs
            .iter()
            .map(|job| {
                let mut random = SplitMix(job.seed);
                zuc::State::new(&random.block(), &random.block())
            })
            .collect();
        let mut lanes: Vec<_> = jobs
            .iter_mut()
            .zip(&mut states)
            .map(|(job, state)| zuc::StreamLane {
                state,
                data: job.data,
            })
            .collect();
        call(row, verb, &mut lanes);
        jobs.iter().map(|job| job.data.to_vec()).collect()
    }
}

/// The message plays no part.
impl Subject for aes128::Expand {
    const IN_PLACE: bool = false;
    fn compute(row: &Backend<Self>, verb: Verb, jobs: &mut [Job<'_>]) -> Vec<Vec<u8>> {
        let mut keys: Vec<_> = jobs
            .iter()
            .map(|job| aes128::Key::raw(&SplitMix(job.seed).block()))
            .collect();
        let mut lanes: Vec<_> = keys
            .iter_mut()
            .map(|key| aes128::ExpandLane { key })
            .collect();
        call(row, verb, &mut lanes);
        keys.iter()
            .map(|key| [&key.schedule.rounds().concat()[..], &key.k1].concat())
            .collect()
    }
}

/// Mostly whole bytes; every third seed ends inside the last byte.
fn bits(job: &Job<'_>) -> usize {
    let whole = 8 * job.data.len();
    if job.seed.is_multiple_of(3) {
        whole.saturating_sub((job.seed / 3 % 8) as usize)
    } else {
        whole
    }
}

impl Subject for aes128::Cmac {
    const IN_PLACE: bool = false;
    fn compute(row: &Backend<Self>, verb: Verb, jobs: &mut [Job<'_>]) -> Vec<Vec<u8>> {
        let keys: Vec<_> = jobs
            .iter()
            .map(|job| aes128::Key::new(&SplitMix(job.seed).block()))
            .collect();
        let mut lanes: Vec<_> = jobs
            .iter()
            .zip(&keys)
            .map(|(job, key)| aes128::CmacLane {
                key,
                head: (!job.seed.is_multiple_of(5)).then(|| job.seed.to_le_bytes()),
                message: job.data,
                bits: bits(job),
                mac: [0; 16],
            })
            .collect();
        call(row, verb, &mut lanes);
        lanes.iter().map(|lane| lane.mac.to_vec()).collect()
    }
}

/// Keys of a job, and what of its message is ciphered: mostly all but the first byte.
fn whole(job: &Job<'_>) -> ([aes128::Key; 2], [u8; 8], std::ops::Range<usize>) {
    let mut random = SplitMix(job.seed);
    let keys = [random.block(), random.block()].map(|key| aes128::Key::new(&key));
    let len = job.data.len();
    let ciphered = match job.seed % 11 {
        0 => 0..len,
        1 => 3.min(len)..len.saturating_sub(1),
        2 => 1..usize::MAX,
        3 => 0..0,
        _ => 1..len.max(1),
    };
    (keys, random.next().to_be_bytes(), ciphered)
}

/// A copy of the end of a message.
fn elsewhere(job: &Job<'_>) -> Option<Vec<u8>> {
    let begin = match job.seed % 8 {
        0..4 => return None,
        4 => job.data.len() / 2,
        _ => 1.min(job.data.len()),
    };
    Some(job.data[begin..].to_vec())
}

impl Subject for aes128::Seal {
    const IN_PLACE: bool = true;
    fn compute(row: &Backend<Self>, verb: Verb, jobs: &mut [Job<'_>]) -> Vec<Vec<u8>> {
        let secrets: Vec<_> = jobs.iter().map(whole).collect();
        let mut macs = vec![[0; 4]; jobs.len()];
        // Every second message begins elsewhere: all but its first byte, or half of it.
        let sources: Vec<_> = jobs.iter().map(elsewhere).collect();
        for (job, source) in jobs.iter_mut().zip(&sources) {
            let begin = job.data.len() - source.as_ref().map_or(0, Vec::len);
            job.data[begin..]
                .iter_mut()
                .for_each(|octet| *octet ^= 0xA5);
        }
        let mut lanes: Vec<_> = jobs
            .iter_mut()
            .zip(&secrets)
            .zip(&mut macs)
            .zip(&sources)
            .map(
                |(((job, ([enc, int], head, ciphered)), mac), source)| aes128::SealLane {
                    enc: &enc.schedule,
                    int,
                    head: *head,
                    text: job.data,
                    plain: source.as_deref(),
                    ciphered: ciphered.clone(),
                    mac,
                },
            )
            .collect();
        call(row, verb, &mut lanes);
        let both = jobs.iter().zip(macs);
        both.map(|(job, mac)| [&*job.data, &mac].concat()).collect()
    }
}

/// Every seventh seed brings a wrong MAC; every third is decrypted elsewhere, between octets that nobody may touch.
impl Subject for aes128::Open {
    const IN_PLACE: bool = true;
    fn compute(row: &Backend<Self>, verb: Verb, jobs: &mut [Job<'_>]) -> Vec<Vec<u8>> {
        const FENCE: usize = 32;
        let secrets: Vec<_> = jobs.iter().map(whole).collect();
        let mut verdicts = vec![false; jobs.len()];
        let part = |range: &std::ops::Range<usize>, len: usize| {
            let end = range.end.min(len);
            range.start.min(end)..end
        };
        let goes = jobs.iter().zip(&secrets).map(|(job, (_, _, ciphered))| {
            let part = part(ciphered, job.data.len());
            vec![0xA5; part.len() + 2 * FENCE]
        });
        let mut goes: Vec<Vec<u8>> = goes.collect();
        let came: Vec<Vec<u8>> = jobs.iter().map(|job| job.data.to_vec()).collect();
        let elsewhere = |seed: u64| seed.is_multiple_of(3);
        let mut lanes: Vec<_> = jobs
            .iter_mut()
            .zip(&secrets)
            .zip(verdicts.iter_mut().zip(&mut goes))
            .map(|((job, ([enc, int], head, ciphered)), (authentic, to))| {
                let mut mac = aes128::CmacLane {
                    key: int,
                    head: Some(*head),
                    message: job.data,
                    bits: 8 * job.data.len(),
                    mac: [0; 16],
                };
                (aes128::cmac::BACKENDS[aes128::cmac::BACKENDS.len() - 1].one)(&mut mac);
                let mut mac: [u8; 4] = mac.mac[..4].try_into().unwrap();
                mac[3] ^= u8::from(job.seed.is_multiple_of(7));
                let room = FENCE..to.len() - FENCE;
                aes128::OpenLane {
                    enc: &enc.schedule,
                    int,
                    head: *head,
                    text: if elsewhere(job.seed) {
                        aes128::Opening::Apart {
                            text: job.data,
                            to: &mut to[room],
                        }
                    } else {
                        aes128::Opening::Here(job.data)
                    },
                    ciphered: ciphered.clone(),
                    mac,
                    authentic,
                }
            })
            .collect();
        call(row, verb, &mut lanes);
        drop(lanes);
        for (job, authentic) in jobs.iter().zip(&verdicts) {
            assert_eq!(*authentic, !job.seed.is_multiple_of(7), "{}", row.name);
        }
        let mut results = Vec::new();
        for (index, job) in jobs.iter().enumerate() {
            let mut result = job.data.to_vec();
            let to = &goes[index];
            if elsewhere(job.seed) {
                assert_eq!(result, came[index], "{}: the text stays", row.name);
                if verdicts[index] {
                    let part = part(&secrets[index].2, result.len());
                    result[part].copy_from_slice(&to[FENCE..to.len() - FENCE]);
                }
            }
            let untouched = if elsewhere(job.seed) && verdicts[index] {
                [&to[..FENCE], &to[to.len() - FENCE..]].concat()
            } else {
                to.clone()
            };
            let fence = untouched.iter().all(|octet| *octet == 0xA5);
            assert!(fence, "{}: writes where it must not", row.name);
            result.push(u8::from(verdicts[index]));
            results.push(result);
        }
        results
    }
}

impl Subject for clmul::Uia2 {
    const IN_PLACE: bool = false;
    fn compute(row: &Backend<Self>, verb: Verb, jobs: &mut [Job<'_>]) -> Vec<Vec<u8>> {
        let mut lanes: Vec<_> = jobs
            .iter()
            .map(|job| {
                let mut random = SplitMix(job.seed);
                clmul::Uia2Lane {
                    p: random.next(),
                    q: random.next(),
                    message: job.data,
                    bits: bits(job),
                    eval: 0,
                }
            })
            .collect();
        call(row, verb, &mut lanes);
        let word = |lane: &clmul::Uia2Lane<'_>| lane.eval.to_be_bytes().to_vec();
        lanes.iter().map(word).collect()
    }
}

impl Subject for clmul::Window {
    const IN_PLACE: bool = false;
    fn compute(row: &Backend<Self>, verb: Verb, jobs: &mut [Job<'_>]) -> Vec<Vec<u8>> {
        let keystreams: Vec<_> = jobs
            .iter()
            .map(|job| {
                let mut random = SplitMix(job.seed);
                let words = bits(job).div_ceil(32) + 1; // not one more than is promised
                random.bytes(4 * words).into_boxed_slice()
            })
            .collect();
        let mut lanes: Vec<_> = jobs
            .iter()
            .zip(&keystreams)
            .map(|(job, keystream)| clmul::WindowLane {
                keystream,
                message: job.data,
                bits: bits(job),
                t: job.seed as u32,
            })
            .collect();
        call(row, verb, &mut lanes);
        let word = |lane: &clmul::WindowLane<'_>| lane.t.to_be_bytes().to_vec();
        lanes.iter().map(word).collect()
    }
}

impl Subject for sha256::HmacSha256 {
    const IN_PLACE: bool = false;
    fn compute(row: &Backend<Self>, verb: Verb, jobs: &mut [Job<'_>]) -> Vec<Vec<u8>> {
        let keys: Vec<[u8; 32]> = jobs
            .iter()
            .map(|job| SplitMix(job.seed).bytes(32).try_into().unwrap())
            .collect();
        let mut lanes: Vec<_> = jobs
            .iter()
            .zip(&keys)
            .map(|(job, key)| sha256::HmacLane {
                key,
                message: job.data,
                out: [0; 32],
            })
            .collect();
        call(row, verb, &mut lanes);
        lanes.iter().map(|lane| lane.out.to_vec()).collect()
    }
}

/// The job's message and a piece of it, so that the two differ in length; every third job takes a prepared message
/// in place of the piece, every fifth two.
impl Subject for sha256::HmacPair {
    const IN_PLACE: bool = false;
    fn compute(row: &Backend<Self>, verb: Verb, jobs: &mut [Job<'_>]) -> Vec<Vec<u8>> {
        static KNOWN: [sha256::Prepared<'static>; 2] = [
            sha256::Prepared::new(b"known"),
            sha256::Prepared::new(&[7; 55]),
        ];
        let keys: Vec<[u8; 32]> = jobs
            .iter()
            .map(|job| SplitMix(job.seed).bytes(32).try_into().unwrap())
            .collect();
        let mut outs = vec![[[0; 16]; 2]; jobs.len()];
        let mut lanes: Vec<_> = jobs
            .iter()
            .zip(&keys)
            .zip(&mut outs)
            .map(|((job, key), out)| {
                let whole = sha256::Message::Bytes(job.data);
                let piece = sha256::Message::Bytes(&job.data[job.data.len() / 3..]);
                let known = KNOWN.each_ref().map(sha256::Message::Prepared);
                let messages = match job.seed {
                    seed if seed % 5 == 0 => known,
                    seed if seed % 3 == 0 => [whole, known[1]],
                    _ => [piece, whole],
                };
                sha256::PairLane {
                    key,
                    messages,
                    out: out.each_mut(),
                }
            })
            .collect();
        call(row, verb, &mut lanes);
        outs.iter().map(|out| out.concat()).collect()
    }
}

/// What is hashed is made from the job's seed and from all of its message.
impl Subject for sha256::Short {
    const IN_PLACE: bool = false;
    fn compute(row: &Backend<Self>, verb: Verb, jobs: &mut [Job<'_>]) -> Vec<Vec<u8>> {
        let halves = |job: &Job<'_>| -> [[u8; 16]; 2] {
            let mut second = [job.data.len() as u8; 16];
            for (i, byte) in job.data.iter().enumerate() {
                second[i % 16] = second[i % 16].rotate_left(3) ^ byte;
            }
            [SplitMix(job.seed).bytes(16).try_into().unwrap(), second]
        };
        let halves: Vec<[[u8; 16]; 2]> = jobs.iter().map(halves).collect();
        let mut lanes: Vec<_> = halves
            .iter()
            .map(|halves| sha256::ShortLane::new(halves.each_ref()))
            .collect();
        call(row, verb, &mut lanes);
        lanes.iter().map(|lane| lane.out.to_vec()).collect()
    }
}
