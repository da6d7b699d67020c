// Package security takes the place of free5GC's and SD-Core's package of that name for the two functions that an AMF
// calls for every message. Same names, arguments and units; ZUC (NEA3, NIA3) included.
package security

// #cgo pkg-config: naslane
// #include <naslane.h>
import "C"

import (
	"errors"
	"unsafe"
)

// Identities of the algorithms, as on the wire.
const (
	AlgCiphering128NEA0 uint8 = 0
	AlgCiphering128NEA1 uint8 = 1
	AlgCiphering128NEA2 uint8 = 2
	AlgCiphering128NEA3 uint8 = 3
	AlgIntegrity128NIA0 uint8 = 0
	AlgIntegrity128NIA1 uint8 = 1
	AlgIntegrity128NIA2 uint8 = 2
	AlgIntegrity128NIA3 uint8 = 3

	Bearer3GPP    uint8 = 1
	BearerNon3GPP uint8 = 2

	DirectionUplink   uint8 = 0
	DirectionDownlink uint8 = 1
)

var errNil = errors.New("naslane: no payload")

func failure(status C.int32_t) error {
	if status == C.NASLANE_OK {
		return nil
	}
	return errors.New("naslane: " + C.GoString(C.naslane_status_text(status)))
}

// first gives C an address also of an empty slice.
func first(octets []byte) *C.uint8_t {
	if len(octets) == 0 {
		var nothing [1]byte
		return (*C.uint8_t)(unsafe.Pointer(&nothing[0]))
	}
	return (*C.uint8_t)(unsafe.Pointer(&octets[0]))
}

// NASEncrypt ciphers or deciphers payload in place.
func NASEncrypt(AlgoID uint8, KnasEnc [16]byte, Count uint32, Bearer uint8, Direction uint8, payload []byte) error {
	if payload == nil {
		return errNil
	}
	text := first(payload)
	return failure(C.naslane_nea(C.uint8_t(AlgoID), first(KnasEnc[:]), C.uint32_t(Count), C.uint8_t(Bearer),
		C.uint8_t(Direction), text, C.size_t(len(payload)), text))
}

// NASMacCalculate gives the four octets of the MAC; those of NIA0 are zero.
func NASMacCalculate(AlgoID uint8, KnasInt [16]uint8, Count uint32, Bearer uint8, Direction uint8, msg []byte) ([]byte, error) {
	if msg == nil {
		return nil, errNil
	}
	mac := make([]byte, 4)
	err := failure(C.naslane_nia(C.uint8_t(AlgoID), first(KnasInt[:]), C.uint32_t(Count), C.uint8_t(Bearer),
		C.uint8_t(Direction), first(msg), C.size_t(len(msg)), first(mac)))
	if err != nil {
		return nil, err
	}
	return mac, nil
}
