//! A wire between NSSAAF and AAA server that delays, loses or spoils what it carries.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What becomes of a packet. `number` counts those of this direction, from 0.
pub(crate) type Fate = fn(&mut Vec<u8>, Toward, number: usize) -> Option<Duration>;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Toward {
    Server,
    Client,
}

/// Cut when dropped.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Relay {
    /// One client at a time, which is enough for one socket of the NSSAAF.
    pub(crate) fn start(server: SocketAddr, fate: Fate) -> Self {
        let front = UdpSocket::bind("127.0.0.1:0").unwrap();
        let back = UdpSocket::bind("127.0.0.1:0").unwrap();
        back.connect(server).unwrap();
        let address = front.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        for socket in [&front, &back] {
            socket
                .set_read_timeout(Some(Duration::from_millis(50)))
                .unwrap();
        }
        let client = Arc::new(std::sync::Mutex::new(None::<SocketAddr>));
        let mut threads = Vec::new();
        for toward in [Toward::Server, Toward::Client] {
            let (front, back) = (front.try_clone().unwrap(), back.try_clone().unwrap());
            let (stop, client) = (stop.clone(), client.clone());
            threads.push(std::thread::spawn(move || {
                let mut room = [0; 4096];
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) {
                    let len = match toward {
                        Toward::Server => front.recv_from(&mut room).map(|(len, from)| {
                            *client.lock().unwrap() = Some(from);
                            len
                        }),
                        Toward::Client => back.recv(&mut room),
                    };
                    let Ok(len) = len else { continue };
                    let mut octets = room[..len].to_vec();
                    let delay = fate(&mut octets, toward, number);
                    number += 1;
                    let Some(delay) = delay else { continue };
                    std::thread::sleep(delay);
                    let _ = match toward {
                        Toward::Server => back.send(&octets),
                        Toward::Client => front.send_to(&octets, client.lock().unwrap().unwrap()),
                    };
                }
            }));
        }
        Self {
            address,
            stop,
            threads,
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
