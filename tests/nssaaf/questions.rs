//! Questions to RADIUS servers that are silent, slow, gone, or somebody else.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use naslane::nssaaf::radius::client::{AskError, Client, Patience, Server};
use naslane::nssaaf::radius::{Builder, Packet, RadiusError, code};

const SECRET: &[u8] = b"a shared secret";

fn server(address: SocketAddr) -> Server {
    Server {
        address,
        secret: SECRET.to_vec().into(),
    }
}

fn patience() -> Patience {
    Patience {
        first: Duration::from_millis(40),
        transmissions: 3,
        dead: Duration::from_secs(60),
        sockets: 1,
    }
}

fn socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

fn answer(asked: &[u8], secret: &[u8]) -> Vec<u8> {
    let asked = Packet::parse(asked).unwrap();
    let mut reply = Builder::new(code::ACCESS_ACCEPT, asked.identifier());
    reply.eap(&[3, 1, 0, 4]).unwrap();
    reply.reply(secret, &asked.authenticator())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

fn build(builder: &mut Builder) -> Result<(), RadiusError> {
    builder.eap(&[2, 1, 0, 5, 1]).map(|_| ())
}

#[test]
fn a_lost_question_is_sent_again_unchanged() {
    let (socket, address) = socket();
    let server_side = std::thread::spawn(move || {
        let mut room = [0; 4096];
        let (len, from) = socket.recv_from(&mut room).unwrap();
        let first = room[..len].to_vec();
        let (len, _) = socket.recv_from(&mut room).unwrap();
        assert_eq!(first, room[..len]);
        // Noise before the answer: no packet, no reply, a reply under another secret, to another question.
        socket.send_to(b"noise", from).unwrap();
        socket.send_to(&first, from).unwrap();
        socket
            .send_to(&answer(&first, b"another secret"), from)
            .unwrap();
        let mut other = answer(&first, SECRET);
        other[1] ^= 1;
        socket.send_to(&other, from).unwrap();
        socket.send_to(&answer(&first, SECRET), from).unwrap();
    });
    let runtime = runtime();
    let client = Client::new(vec![server(address)], patience());
    let (place, reply) = runtime.block_on(client.ask(None, build)).unwrap();
    assert_eq!((place, reply[0]), (0, code::ACCESS_ACCEPT));
    server_side.join().unwrap();
    use std::sync::atomic::Ordering::Relaxed;
    let counts = client.counts();
    assert_eq!(
        (counts.sent.load(Relaxed), counts.again.load(Relaxed)),
        (2, 1)
    );
    assert_eq!(
        (counts.strange.load(Relaxed), counts.forged.load(Relaxed)),
        (3, 1)
    );
}

#[test]
fn the_next_server_is_asked_and_the_silent_one_left_alone() {
    let (silent, first) = socket();
    let (socket, second) = socket();
    let server_side = std::thread::spawn(move || {
        let mut room = [0; 4096];
        for _ in 0..2 {
            let (len, from) = socket.recv_from(&mut room).unwrap();
            socket.send_to(&answer(&room[..len], SECRET), from).unwrap();
        }
    });
    let runtime = runtime();
    let client = Client::new(vec![server(first), server(second)], patience());
    for _ in 0..2 {
        assert_eq!(runtime.block_on(client.ask(None, build)).unwrap().0, 1);
    }
    server_side.join().unwrap();
    silent.set_nonblocking(true).unwrap();
    let mut heard = 0;
    while silent.recv(&mut [0; 4096]).is_ok() {
        heard += 1;
    }
    assert_eq!(heard, 3, "the second question did not go there");
    // A conversation stays where it is, even if that server is silent.
    assert_eq!(
        runtime.block_on(client.ask(Some(0), build)),
        Err(AskError::Timeout)
    );
}

#[test]
fn identifiers_are_not_used_twice_at_a_time() {
    let (socket, address) = socket();
    let runtime = runtime();
    let patience = Patience {
        first: Duration::from_secs(20),
        transmissions: 1,
        ..patience()
    };
    let client = std::sync::Arc::new(Client::new(vec![server(address)], patience));
    let mut asking = Vec::new();
    for _ in 0..256 {
        let client = client.clone();
        asking.push(runtime.spawn(async move { client.ask(None, build).await }));
    }
    let mut questions = Vec::new();
    let mut room = [0; 4096];
    for _ in 0..256 {
        let (len, from) = socket.recv_from(&mut room).unwrap();
        questions.push((room[..len].to_vec(), from));
    }
    let seen: std::collections::HashSet<u8> =
        questions.iter().map(|(question, _)| question[1]).collect();
    assert_eq!(seen.len(), 256);
    let authenticators: std::collections::HashSet<&[u8]> =
        questions.iter().map(|(q, _)| &q[4..20]).collect();
    assert_eq!(authenticators.len(), 256);
    assert_eq!(
        runtime.block_on(client.ask(None, build)),
        Err(AskError::Full)
    );
    for (question, from) in &questions {
        socket.send_to(&answer(question, SECRET), from).unwrap();
    }
    for one in asking {
        assert!(runtime.block_on(one).unwrap().is_ok());
    }
}

#[test]
fn nobody_is_there() {
    let (gone, address) = socket();
    drop(gone);
    let runtime = runtime();
    let client = Client::new(vec![server(address)], patience());
    assert_eq!(
        runtime.block_on(client.ask(None, build)),
        Err(AskError::Timeout)
    );
    let none = Client::new(Vec::new(), patience());
    assert_eq!(
        runtime.block_on(none.ask(None, build)),
        Err(AskError::Timeout)
    );
}
