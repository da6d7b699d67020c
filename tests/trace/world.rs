//! A UE and an AMF that do what the test tells them, right or wrong, and the wire between them. The NAS messages are
//! protected here, from the algorithms and derivations alone.

use naslane::algorithm::{CipherLane, Input, Key, MacLane, Nea, Nia, cipher, mac};
use naslane::base::Direction;
use naslane::kdf::{Abba, AlgorithmId, KAmf, KSeaf, Supi, k_amf, k_nas_enc, k_nas_int};

use super::wire::{self, From, Ids, Wire};

pub(crate) const SUPI: &str = "imsi-999700123456789";
pub(crate) const REGISTRATION_COMPLETE: &[u8] = &[0x7E, 0, 0x43];
pub(crate) const CONFIGURATION_UPDATE: &[u8] = &[0x7E, 0, 0x54];
const CAPABILITY: [u8; 2] = [0xF0, 0xF0];
const GUTI: [u8; 11] = [0xF2, 0x99, 0xF9, 0x07, 1, 0, 0x40, 0xC0, 0xFF, 0xEE, 0x01];
const SUCI: [u8; 13] = [
    0x01, 0x99, 0xF9, 0x07, 0xF0, 0xFF, 0, 0, 0x10, 0x32, 0x54, 0x76, 0x98,
];

/// A security context, both ends of it.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) k_amf: KAmf,
    pub(crate) nia: Nia,
    pub(crate) nea: Nea,
    pub(crate) bearer: u8,
    pub(crate) ul: u32,
    pub(crate) dl: u32,
    pub(crate) ksi: u8,
}

impl Context {
    pub(crate) fn of(k_amf: KAmf) -> Self {
        Self {
            k_amf,
            nia: Nia::Nia2,
            nea: Nea::Nea2,
            bearer: 1,
            ul: 0,
            dl: 0,
            ksi: 0,
        }
    }

    /// Protects with exactly this COUNT.
    pub(crate) fn protect(
        &self,
        direction: Direction,
        count: u32,
        sht: u8,
        plain: &[u8],
    ) -> Vec<u8> {
        let input = Input {
            count,
            bearer: self.bearer,
            direction,
        };
        let mut pdu = vec![0x7E, sht, 0, 0, 0, 0, count as u8];
        pdu.extend(plain);
        if matches!(sht, 2 | 4) {
            let id = AlgorithmId::new(self.nea.id()).unwrap();
            let key = Key::for_nea(self.nea, k_nas_enc(&self.k_amf, id).expose());
            let data = &mut pdu[7..];
            cipher(
                self.nea,
                &mut [CipherLane {
                    key: key.cipher(),
                    input,
                    data,
                }],
            );
        }
        let code = self.mac(input, &pdu[6..]);
        pdu[2..6].copy_from_slice(&code);
        pdu
    }

    fn mac(&self, input: Input, text: &[u8]) -> [u8; 4] {
        let id = AlgorithmId::new(self.nia.id()).unwrap();
        let key = Key::for_nia(self.nia, k_nas_int(&self.k_amf, id).expose());
        let mut lanes = [MacLane::new(&key, input, text)];
        mac(self.nia, &mut lanes);
        lanes[0].mac
    }

    /// The next uplink message, ciphered.
    pub(crate) fn up(&mut self, plain: &[u8]) -> Vec<u8> {
        self.ul += 1;
        self.protect(Direction::Uplink, self.ul - 1, 2, plain)
    }

    /// The next downlink message, ciphered.
    pub(crate) fn down(&mut self, plain: &[u8]) -> Vec<u8> {
        self.dl += 1;
        self.protect(Direction::Downlink, self.dl - 1, 2, plain)
    }
}

pub(crate) fn k_seaf(number: u8) -> KSeaf {
    KSeaf::new([number; 32])
}

/// K_AMF of the test subscriber's `number`th authentication.
pub(crate) fn key(number: u8) -> KAmf {
    k_amf(&k_seaf(number), Supi::parse(SUPI).unwrap(), Abba::INITIAL)
}

/// One UE, its context, and the capture.
pub(crate) struct World {
    pub(crate) wire: Wire,
    pub(crate) ids: Ids,
    pub(crate) context: Context,
    pub(crate) capability: Vec<u8>,
    pub(crate) replayed: Vec<u8>,
    /// Asks for the whole initial message.
    pub(crate) rinmr: bool,
    /// Last octets of SUCI and 5G-TMSI: another UE has others.
    pub(crate) tails: [u8; 2],
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            wire: Wire::new(),
            ids: Ids {
                amf: 1,
                ran: 1,
                non_3gpp: false,
            },
            context: Context::of(key(1)),
            capability: CAPABILITY.to_vec(),
            replayed: CAPABILITY.to_vec(),
            rinmr: true,
            tails: [SUCI[12], GUTI[10]],
        }
    }

    fn suci(&self) -> [u8; 13] {
        let mut suci = SUCI;
        suci[12] = self.tails[0];
        suci
    }

    fn guti(&self) -> [u8; 11] {
        let mut guti = GUTI;
        guti[10] = self.tails[1];
        guti
    }

    pub(crate) fn uplink(&mut self, nas: &[u8]) {
        self.wire.send(From::Gnb, &[wire::uplink(self.ids, nas)]);
    }

    pub(crate) fn downlink(&mut self, nas: &[u8]) {
        self.wire.send(From::Amf, &[wire::downlink(self.ids, nas)]);
    }

    /// A new connection that begins with `nas`.
    pub(crate) fn connect(&mut self, nas: &[u8]) {
        self.wire.send(From::Gnb, &[wire::initial(self.ids, nas)]);
    }

    pub(crate) fn release(&mut self) {
        let ids = self.ids;
        self.wire.send(From::Amf, &[wire::release_command(ids)]);
        self.wire.send(From::Gnb, &[wire::release_complete(ids)]);
        self.ids.amf += 1;
        self.ids.ran += 1;
    }

    pub(crate) fn registration_request(&self) -> Vec<u8> {
        let mut message = vec![0x7E, 0, 0x41, 0x79, 0, SUCI.len() as u8];
        message.extend(self.suci());
        message.extend([0x2E, self.capability.len() as u8]);
        message.extend(&self.capability);
        message
    }

    pub(crate) fn authentication_request(&mut self) {
        let mut message = vec![0x7E, 0, 0x56, self.context.ksi, 2, 0, 0, 0x21];
        message.extend([0x11; 16]);
        message.extend([0x20, 16]);
        message.extend([0x22; 16]);
        self.downlink(&message);
    }

    pub(crate) fn authenticate(&mut self) {
        self.authentication_request();
        let mut message = vec![0x7E, 0, 0x57, 0x2D, 16];
        message.extend([0x33; 16]);
        self.uplink(&message);
    }

    pub(crate) fn command_message(&self) -> Vec<u8> {
        let algorithms = self.context.nea.id() << 4 | self.context.nia.id();
        let mut message = vec![0x7E, 0, 0x5D, algorithms, self.context.ksi];
        message.push(self.replayed.len() as u8);
        message.extend(&self.replayed);
        message.push(0xE1);
        if self.rinmr {
            message.extend([0x36, 1, 2]);
        }
        message
    }

    /// SECURITY MODE COMMAND under the next downlink COUNT of the context.
    pub(crate) fn command(&mut self) {
        let count = self.context.dl;
        self.context.dl += 1;
        let message = self.command_message();
        let pdu = self
            .context
            .protect(Direction::Downlink, count, 3, &message);
        self.downlink(&pdu);
    }

    /// SECURITY MODE COMPLETE with this container.
    pub(crate) fn complete_with(&mut self, container: Option<&[u8]>) {
        let mut message = vec![0x7E, 0, 0x5E];
        if let Some(container) = container {
            message.extend([0x71, 0, container.len() as u8]);
            message.extend(container);
        }
        let count = self.context.ul;
        self.context.ul += 1;
        let pdu = self.context.protect(Direction::Uplink, count, 4, &message);
        self.uplink(&pdu);
    }

    pub(crate) fn complete(&mut self) {
        let whole = self.registration_request();
        self.complete_with(Some(&whole));
    }

    /// Everything up to the command.
    pub(crate) fn begin(&mut self) {
        let request = self.registration_request();
        self.connect(&request);
        self.authenticate();
    }

    pub(crate) fn accept_message(&self) -> Vec<u8> {
        let mut message = vec![0x7E, 0, 0x42, 1, 1, 0x77, 0, GUTI.len() as u8];
        message.extend(self.guti());
        message
    }

    pub(crate) fn accept(&mut self) {
        let message = self.accept_message();
        let pdu = self.context.down(&message);
        self.downlink(&pdu);
        let pdu = self.context.up(REGISTRATION_COMPLETE);
        self.uplink(&pdu);
    }

    /// A registration without fault.
    pub(crate) fn register(&mut self) {
        self.begin();
        self.command();
        self.complete();
        self.accept();
    }

    /// Another authentication in a new connection, with this key.
    pub(crate) fn again(&mut self, number: u8) {
        self.release();
        self.context = Context {
            ksi: number % 7,
            ..Context::of(key(number))
        };
        self.register();
    }

    pub(crate) fn service_request() -> Vec<u8> {
        let mut message = vec![0x7E, 0, 0x4C, 0x10, 0, 7, 0xF4];
        message.extend(&GUTI[5..]);
        message
    }
}

/// Lower-case digits.
pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// KEYS.toml with K_AMF of these authentications.
pub(crate) fn keys(numbers: &[u8]) -> String {
    let ue = |number: &u8| {
        let digits = hex(key(*number).expose());
        format!("[[ue]]\nsupi = \"{SUPI}\"\nk_amf = \"{digits}\"\n")
    };
    numbers.iter().map(ue).collect()
}
